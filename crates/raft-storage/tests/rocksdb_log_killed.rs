//! A process that writes groups to a log on RocksDB is killed at 50 points: what it
//! acknowledged is there, and one group more at most.
//!
//! The test is alone in its file: a process that is being started holds the locks
//! of all stores open in this one for a moment.
#![cfg(feature = "rocksdb")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use raft_core::{Ballot, Entry, EntryKind, Index, Membership, NodeId, SnapshotMeta, Term};
use raft_storage::rocksdb::{RocksLog, RocksLogConfig};
use raft_storage::{LogStore, LogWrite};

const NAME: &str = "killed_at_50_points_the_log_holds_what_was_acknowledged";
/// Set for the process that is to be killed.
const FOLDER: &str = "BALSA_KILLED_LOG";

#[test]
fn killed_at_50_points_the_log_holds_what_was_acknowledged() {
    if let Ok(folder) = std::env::var(FOLDER) {
        write_until_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut acknowledged = 0;
    for kill in 0..50_u64 {
        acknowledged = write_and_kill(folder.path(), kill, acknowledged);
        let log = open(folder.path());
        let found = log.recovered();
        let group = found.ballot.term.0;
        let about = format!("kill {kill}: {group} found, {acknowledged} acknowledged");
        assert!(group == acknowledged || group == acknowledged + 1, "{about}");
        assert_eq!(found.log.last().index, Index(2 * group), "{about}");
        let (mut next, reader) = (found.log.first_index(), log.reader());
        while next.0 <= 2 * group {
            let read = reader.read(next, Index(2 * group), u64::MAX).expect("is there");
            for read in read {
                assert_eq!(read, entry(next.0), "{about}");
                next = next.next();
            }
        }
        acknowledged = group;
    }
    assert!(acknowledged > 100, "the processes hardly wrote: {acknowledged} groups");
}

/// Lets a process write, and kills it some groups later. Returns the number of
/// the last group that it acknowledged.
fn write_and_kill(folder: &Path, kill: u64, before: u64) -> u64 {
    let this = std::env::current_exe().expect("a test knows its own file");
    let mut child = Command::new(this)
        .args([NAME, "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
    let mut child = Victim(child);
    let groups = lines.map(|line| line.expect("reads what the process says"));
    let mut groups = groups.filter_map(|line| line.strip_prefix("group ")?.parse().ok());
    let most = usize::try_from(kill * 7 % 60).expect("is small");
    let mut last = groups.by_ref().take(most).last().unwrap_or(before);
    // The point itself: at once, or somewhere within the next groups.
    std::thread::sleep(Duration::from_micros(kill * 97 % 1_500));
    child.0.kill().expect("is killed");
    child.0.wait().expect("ends");
    last = groups.last().unwrap_or(last);
    last
}

/// A process that is killed, also if the test ends early.
struct Victim(Child);

impl Drop for Victim {
    fn drop(&mut self) {
        // It is dead already unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Group n raises the ballot to term n, and appends the entries 2n - 1 and 2n.
fn write_until_killed(folder: &Path) -> ! {
    let mut log = open(folder);
    let mut shape = log.recovered().log.clone();
    for group in log.recovered().ballot.term.0 + 1.. {
        let entries = vec![entry(2 * group - 1), entry(2 * group)];
        entries.iter().for_each(|entry| shape.append(entry).expect("follows"));
        let ballot = Ballot { term: Term(group), vote: Some(NodeId(group)) };
        let mut writes = vec![LogWrite::Ballot(ballot), LogWrite::Append(entries)];
        if group % 40 == 0 {
            let kept = Index(2 * group - 30);
            writes.push(LogWrite::Purge(shape.meta_at(kept).expect("is there")));
            shape.purge(kept);
        }
        log.write(&writes).expect("writes");
        if group % 9 == 0 {
            log.idle().expect("idles");
        }
        // Without a parent this process has no purpose.
        if writeln!(std::io::stdout(), "group {group}").is_err() {
            std::process::exit(1);
        }
    }
    unreachable!("the numbers do not end before the process does")
}

fn open(folder: &Path) -> RocksLog {
    let bootstrap = SnapshotMeta::bootstrap(Membership::of_voters([NodeId(1)]));
    let mut config = RocksLogConfig::new(NodeId(1), 7, 42, bootstrap);
    // Little memory, so that files are made often.
    config.write_buffer_bytes = 64 * 1024;
    RocksLog::open(folder, config).expect("opens")
}

fn entry(index: u64) -> Entry {
    let payload = Bytes::from(vec![index as u8; (index * 31 % 900) as usize]);
    let term = Term(index.div_ceil(2));
    Entry { term, index: Index(index), kind: EntryKind::COMMAND, format: 1, payload }
}
