//! A process that commits, flushes, takes checkpoints and installs them is killed
//! at 200 random points. Each time the state found is the one after the last
//! commit that it includes, by a hash over all rows, and nothing that was
//! reported durable is missing.
//!
//! The test is alone in its file: a process that is being started holds the locks
//! of all stores open in this one for a moment.
#![cfg(feature = "rocksdb")]

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use raft_core::{Membership, NodeId, Position, SnapshotMeta};
use raft_storage::files::OsFiles;
use raft_storage::rocksdb::{RocksConfig, RocksState};
use raft_storage::snapshots::FileSnapshots;
use raft_storage::{Mutation, Order, SnapshotStore, Space, StateStore, StateView, StorageError};

const NAME: &str = "killed_at_200_random_points_the_state_equals_a_replay";
/// Set for the process that is to be killed: its folder, and its seed.
const FOLDER: &str = "BALSA_KILLED_FOLDER";
const SEED: &str = "BALSA_KILLED_SEED";

const KILLS: u64 = 200;
const SPACES: [&str; 3] = ["one", "two", "three"];
const COUNTER: &[u8] = b"counter";

#[test]
fn killed_at_200_random_points_the_state_equals_a_replay() {
    if let Ok(folder) = std::env::var(FOLDER) {
        let seed = std::env::var(SEED).expect("comes with the folder");
        work_until_killed(Path::new(&folder), seed.parse().expect("a number"));
    }
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = temporary.path().join("victim");
    let mut replay = Replay::new();
    let mut seen = BTreeMap::<&str, u64>::new();
    let mut last = Report::default();
    for seed in 1..=KILLS {
        last = kill(&folder, seed, last);
        *seen.entry(last.doing).or_default() += 1;
        let store = open(&folder).expect("opens whatever was under way");
        let view = store.view();
        let found = counter(&*view);
        let about = format!("seed {seed}, killed {} after {}", last.doing, last.committed);
        assert!(found >= last.least(), "{about}: {found} found, {} was durable", last.durable);
        assert!(found <= last.committed + 1, "{about}: {found} found");
        assert_eq!(digest(&*view), replay.digest(found), "{about}: the state at {found}");
        let durable = store.durable_get(Space(0), COUNTER).expect("reads");
        assert_eq!(number(durable), found, "{about}: what is found after a crash is durable");
        drop((view, store));
        if seed % 5 == 0 {
            the_newest_snapshot_is_whole(&folder, temporary.path(), &mut replay, &about);
        }
        last.durable = found;
        last.committed = found;
    }
    println!("killed while: {seen:?}");
    for doing in ["committing", "flushing", "writing a checkpoint", "installing", "starting"] {
        assert!(seen.contains_key(doing), "never killed while {doing}: {seen:?}");
    }
}

/// What a process said before it was killed.
#[derive(Clone, Copy, Default)]
struct Report {
    committed: u64,
    /// What is durable for sure.
    durable: u64,
    /// What an installation under way goes back to.
    installing: Option<u64>,
    doing: &'static str,
}

impl Report {
    fn least(&self) -> u64 {
        self.installing.map_or(self.durable, |index| index.min(self.durable))
    }

    fn take(&mut self, line: &str) {
        let Some((word, number)) = line.split_once(' ') else { return };
        let Ok(number) = number.parse() else { return };
        match word {
            "committed" => self.committed = number,
            "durable" => self.durable = self.durable.max(number),
            "installing" => self.installing = Some(number),
            "installed" => {
                *self = Report { committed: number, durable: number, ..Report::default() };
            }
            _ => {}
        }
        self.doing = match word {
            "flushing" => "flushing",
            "checkpointing" => "writing a checkpoint",
            "installing" => "installing",
            _ => "committing",
        };
    }
}

/// Lets a process work on the folder, and kills it at a point that the seed
/// chooses.
fn kill(folder: &Path, seed: u64, before: Report) -> Report {
    let mut report = Report { doing: "starting", installing: None, ..before };
    let (mut victim, mut lines) = Victim::start(folder, seed);
    let points =
        [("", 1), ("committed", 200), ("flushing", 4), ("checkpointing", 3), ("installing", 2)];
    let (awaited, most) = points[draw(seed, 1, points.len())];
    let mut passed = 0;
    let mut line = String::new();
    while !awaited.is_empty() && passed <= draw(seed, 2, most) {
        line.clear();
        let length = lines.read_line(&mut line).expect("reads what the process says");
        assert!(length > 0, "seed {seed}: the process ended by itself");
        report.take(line.trim_end());
        passed += usize::from(line.starts_with(awaited));
    }
    // The point itself: at once, or somewhere within what it is doing.
    let most_us = if awaited.is_empty() { 30_000 } else { 4_000 };
    std::thread::sleep(Duration::from_micros(draw(seed, 3, most_us) as u64));
    victim.0.kill().expect("is killed");
    victim.0.wait().expect("ends");
    for line in lines.lines() {
        report.take(&line.expect("reads what the process said"));
    }
    report
}

/// A process that is killed, also if the test ends early.
struct Victim(Child);

impl Victim {
    fn start(folder: &Path, seed: u64) -> (Victim, BufReader<ChildStdout>) {
        let this = std::env::current_exe().expect("a test knows its own file");
        let mut child = Command::new(this)
            .args([NAME, "--exact", "--nocapture"])
            .env(FOLDER, folder)
            .env(SEED, seed.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("is piped"));
        (Victim(child), lines)
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // It is dead already unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn work_until_killed(folder: &Path, seed: u64) -> ! {
    let store = open(folder).expect("opens");
    let snapshots = snapshots(folder);
    if store.install_unfinished() {
        store.finish_install().expect("finishes");
    }
    let mut at = counter(&*store.view());
    for step in 0.. {
        at += 1;
        store.commit(batch(at)).expect("commits");
        say("committed", at);
        match draw(seed, 100 + step, 120) {
            0..5 => {
                say("flushing", at);
                store.flush().expect("flushes");
                say("durable", at);
            }
            5..9 => {
                let checkpoint = store.checkpoint().expect("pins");
                let pinned = at;
                for _ in 0..draw(seed, 10_000_000 + step, 60) {
                    at += 1;
                    store.commit(batch(at)).expect("commits");
                    say("committed", at);
                }
                say("checkpointing", pinned);
                let mut sink = snapshots.create().expect("creates");
                let view = checkpoint.write(&mut *sink).expect("writes");
                assert_eq!(counter(&*view), pinned, "a checkpoint is what was pinned");
                sink.finish(meta(pinned)).expect("finishes");
                say("durable", pinned);
            }
            9..11 if snapshots.newest().is_some() => {
                let mut source = snapshots.open_newest().expect("is there");
                let index = source.meta().position.index.0;
                say("installing", index);
                store.install(&mut *source).expect("installs");
                at = counter(&*store.view());
                assert_eq!(at, index, "what is installed is the snapshot");
                store.finish_install().expect("finishes");
                say("installed", at);
            }
            _ => {}
        }
    }
    unreachable!("the numbers do not end before the process does")
}

/// Tells the parent. If there is none any more, this process has no purpose.
fn say(word: &str, number: u64) {
    if writeln!(std::io::stdout(), "{word} {number}").is_err() {
        std::process::exit(1);
    }
}

fn the_newest_snapshot_is_whole(folder: &Path, temporary: &Path, replay: &mut Replay, about: &str) {
    let snapshots = snapshots(folder);
    let Some(newest) = snapshots.newest() else { return };
    let index = newest.position.index.0;
    let elsewhere = tempfile::tempdir_in(temporary).expect("a temporary folder");
    let store = open(elsewhere.path()).expect("opens");
    store.install(&mut *snapshots.open_newest().expect("is there")).expect("installs");
    let view = store.view();
    assert_eq!(counter(&*view), index, "{about}: the snapshot at {index}");
    assert_eq!(digest(&*view), replay.digest(index), "{about}: the snapshot at {index}");
}

fn open(folder: &Path) -> Result<RocksState, StorageError> {
    let mut config = RocksConfig::new(NodeId(1), 7, 42);
    config.options.block_cache_bytes = 1024 * 1024;
    config.options.write_buffer_bytes = 64 * 1024;
    RocksState::open(&state_folder(folder), &SPACES, config)
}

fn state_folder(folder: &Path) -> PathBuf {
    folder.join("state")
}

fn snapshots(folder: &Path) -> FileSnapshots {
    let files = OsFiles::new(folder.join("snapshots")).expect("is made");
    FileSnapshots::open(std::sync::Arc::new(files)).expect("opens")
}

fn meta(index: u64) -> SnapshotMeta {
    let membership = Membership::of_voters([NodeId(1)]);
    SnapshotMeta { position: Position::new(1, index), membership }
}

/// The batch of a number; always the same one. Keys meet, rows are deleted.
fn batch(number: u64) -> Vec<Mutation> {
    let count = Bytes::copy_from_slice(&number.to_be_bytes());
    let mut batch = vec![Mutation::Put(Space(0), Bytes::from_static(COUNTER), count)];
    for at in 0..draw(number, 20, 12) as u64 {
        let space = Space(draw(number, 40 + at, 3) as u8);
        let key = Bytes::from(format!("key {}", draw(number, 60 + at, 400)));
        batch.push(if draw(number, 80 + at, 4) == 0 {
            Mutation::Delete(space, key)
        } else {
            let value = vec![number as u8; draw(number, 100 + at, 300)];
            Mutation::Put(space, key, Bytes::from(value))
        });
    }
    batch
}

/// The digest after every number of batches, as far as they were asked for.
struct Replay {
    rows: BTreeMap<(Space, Bytes), Bytes>,
    digests: Vec<u64>,
}

impl Replay {
    fn new() -> Replay {
        Replay { rows: BTreeMap::new(), digests: vec![0] }
    }

    fn digest(&mut self, at: u64) -> u64 {
        while self.digests.len() as u64 <= at {
            let number = self.digests.len() as u64;
            let mut digest = self.digests[self.digests.len() - 1];
            for mutation in batch(number) {
                let (space, key, value) = match mutation {
                    Mutation::Put(space, key, value) => (space, key, Some(value)),
                    Mutation::Delete(space, key) => (space, key, None),
                };
                let old = match &value {
                    Some(value) => self.rows.insert((space, key.clone()), value.clone()),
                    None => self.rows.remove(&(space, key.clone())),
                };
                if let Some(value) = old {
                    digest = digest.wrapping_sub(row(space, &key, &value));
                }
                if let Some(value) = value {
                    digest = digest.wrapping_add(row(space, &key, &value));
                }
            }
            self.digests.push(digest);
        }
        self.digests[at as usize]
    }
}

fn digest(view: &dyn StateView) -> u64 {
    let mut digest = 0_u64;
    for space in (0..SPACES.len()).map(|space| Space(space as u8)) {
        for found in view.scan(space, b"", None, Order::Ascending) {
            let (key, value) = found.expect("reads");
            digest = digest.wrapping_add(row(space, &key, &value));
        }
    }
    digest
}

fn row(space: Space, key: &[u8], value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (space, key, value).hash(&mut hasher);
    hasher.finish()
}

fn counter(view: &dyn StateView) -> u64 {
    number(view.get(Space(0), COUNTER).expect("reads"))
}

fn number(value: Option<Bytes>) -> u64 {
    value.map_or(0, |value| u64::from_be_bytes(value[..].try_into().expect("eight bytes")))
}

/// A number below `bound` that depends on the seed and the purpose alone.
fn draw(seed: u64, purpose: u64, bound: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    (seed, purpose).hash(&mut hasher);
    (hasher.finish() % bound as u64) as usize
}
