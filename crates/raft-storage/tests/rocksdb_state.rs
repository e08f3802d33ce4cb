//! The state on RocksDB does what every state store must do, and what it alone
//! promises: what is durable, what a checkpoint holds, what becomes of folders.
#![cfg(feature = "rocksdb")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use raft_core::{Membership, NodeId, SnapshotMeta};
use raft_storage::conformance::{StateFixture, state_store};
use raft_storage::files::{OsFiles, SimFiles};
use raft_storage::rocksdb::{RocksConfig, RocksState};
use raft_storage::snapshots::FileSnapshots;
use raft_storage::{Mutation, Order, SnapshotStore, Space, StateStore, StateView, StorageError};

/// States in a temporary folder. What was not flushed is gone when a store is
/// dropped: closing it writes nothing.
struct RocksStates {
    folder: tempfile::TempDir,
    /// Whether checkpoints go into real folders or are streamed.
    streamed: bool,
}

impl StateFixture for RocksStates {
    fn open(&mut self, spaces: &[&str]) -> Result<Box<dyn StateStore>, StorageError> {
        Ok(Box::new(RocksState::open(&self.folder.path().join("state"), spaces, small())?))
    }

    fn restart(&mut self) {}

    fn snapshots(&mut self) -> Arc<dyn SnapshotStore> {
        if self.streamed {
            return Arc::new(FileSnapshots::open(Arc::new(SimFiles::new(1))).expect("opens"));
        }
        Arc::new(snapshots(self.folder.path()))
    }
}

#[test]
fn the_state_conforms_with_links() {
    state_store(&mut |_| Box::new(RocksStates { folder: temporary(), streamed: false }));
}

#[test]
fn the_state_conforms_with_streams() {
    state_store(&mut |_| Box::new(RocksStates { folder: temporary(), streamed: true }));
}

#[test]
fn what_is_only_in_memory_is_not_durable_and_is_gone_after_a_crash() {
    let folder = temporary();
    let store = open(folder.path());
    put(&store, 1);
    assert_eq!(durable(&store), 0, "committed, not flushed");
    store.flush().unwrap();
    put(&store, 2);
    assert_eq!(durable(&store), 1, "the older value, as the files have it");
    assert_eq!(read(&*store.view()), 2);
    assert!(store.size_bytes() > 0);
    drop(store);
    assert_eq!(read(&*open(folder.path()).view()), 1);
}

#[test]
fn a_checkpoint_is_what_was_pinned_however_much_follows() {
    let folder = temporary();
    let store = open(folder.path());
    let snapshots = snapshots(folder.path());
    for round in 0..3 {
        let first = 1 + round * 1_000;
        put(&store, first);
        let pinned = store.checkpoint().unwrap();
        // Many times what a buffer holds, and flushes besides.
        for number in first + 1..first + 400 {
            put(&store, number);
            if number % 97 == 0 {
                store.flush().unwrap();
            }
        }
        let pinned_later = store.checkpoint().unwrap();
        put(&store, first + 500);
        store.flush().unwrap();
        for (checkpoint, number) in [(pinned_later, first + 399), (pinned, first)] {
            let mut sink = snapshots.create().unwrap();
            let view = checkpoint.write(&mut *sink).unwrap();
            assert_eq!(read(&*view), number);
        }
        assert_eq!(read(&*store.view()), first + 500);
    }
    let root = folder.path().join("state");
    drop(store.checkpoint().unwrap());
    assert_eq!(list(&root), ["current", "db-0000000000000001", "identity", "lock"]);
}

#[test]
fn what_was_deleted_and_overwritten_takes_no_space_after_it_is_given_back() {
    let folder = temporary();
    let store = open(folder.path());
    (1..2_000).for_each(|number| put(&store, number));
    store.flush().unwrap();
    let full = store.size_bytes();
    let numbers = (1..2_000u64).map(|number| Bytes::copy_from_slice(&number.to_be_bytes()));
    store.commit(numbers.map(|key| Mutation::Delete(Space(1), key)).collect()).unwrap();
    assert!(!store.reclaim(&mut |_| false).unwrap(), "there is no room");
    let mut asked = Vec::new();
    let has_room = &mut |bytes| {
        asked.push(bytes);
        true
    };
    assert!(store.reclaim(has_room).unwrap());
    assert!(asked.iter().any(|bytes| *bytes > 0), "{asked:?}");
    let left = store.size_bytes();
    assert!(left < full / 10, "{left} bytes of {full} are left");
    assert_eq!(read(&*store.view()), 1_999);
}

#[test]
fn a_checkpoint_links_tables_and_stays_readable_when_its_folder_goes() {
    let folder = temporary();
    let store = open(folder.path());
    let snapshots = snapshots(folder.path());
    (1..200).for_each(|number| put(&store, number));
    let mut sink = snapshots.create().unwrap();
    let view = store.checkpoint().unwrap().write(&mut *sink).unwrap();
    let target = sink.folder().unwrap();
    let mut tables = 0;
    for name in list(&target) {
        let known =
            name == "CURRENT" || name.starts_with("MANIFEST-") || name.starts_with("OPTIONS-");
        let table = name.ends_with(".sst");
        assert!(known || table, "{name} is no part of a snapshot");
        if table {
            assert_eq!(fs::metadata(target.join(&name)).unwrap().nlink(), 2, "{name} is linked");
            tables += 1;
        }
    }
    assert!(tables > 0);
    sink.finish(meta()).unwrap();
    for _ in 0..3 {
        let mut sink = snapshots.create().unwrap();
        store.checkpoint().unwrap().write(&mut *sink).unwrap();
        sink.finish(meta()).unwrap();
    }
    assert!(!target.exists());
    assert_eq!(view.scan(Space(1), b"", None, Order::Ascending).count(), 199);
    assert!(view.scan(Space(1), b"", None, Order::Ascending).all(|row| row.is_ok()));
}

#[test]
fn a_replaced_state_goes_with_its_last_view() {
    let folder = temporary();
    let store = open(folder.path());
    let snapshots = snapshots(folder.path());
    put(&store, 1);
    snapshot(&store, &snapshots);
    put(&store, 2);
    let before = store.view();
    store.install(&mut *snapshots.open_newest().unwrap()).unwrap();
    let replaced = folder.path().join("state/db-0000000000000001");
    assert!(replaced.exists());
    assert_eq!((read(&*before), read(&*store.view())), (2, 1));
    drop(before);
    assert!(!replaced.exists());
}

#[test]
fn an_installation_that_a_crash_cut_is_the_old_state_or_the_new_one() {
    let folder = temporary();
    let root = folder.path().join("state");
    let store = open(folder.path());
    let snapshots = snapshots(folder.path());
    put(&store, 1);
    snapshot(&store, &snapshots);
    put(&store, 2);
    store.flush().unwrap();
    let (old, new) = (root.join("db-0000000000000001"), temporary());
    let kept = temporary();
    copy(&old, kept.path());
    fs::copy(root.join("current"), new.path().join("current")).unwrap();
    store.install(&mut *snapshots.open_newest().unwrap()).unwrap();
    drop(store);

    // The new pointer is durable, the old database is still there.
    copy(kept.path(), &old);
    let store = open(folder.path());
    assert!(store.install_unfinished());
    assert_eq!(read(&*store.view()), 1);
    assert!(!old.exists());
    drop(store);

    // The new database is there, its pointer is not, or not in place.
    copy(kept.path(), &old);
    fs::rename(root.join("current"), root.join("current.tmp")).unwrap();
    fs::copy(new.path().join("current"), root.join("current")).unwrap();
    let store = open(folder.path());
    assert!(!store.install_unfinished());
    assert_eq!(read(&*store.view()), 2);
    assert_eq!(list(&root), ["current", "db-0000000000000001", "identity", "lock"]);
}

#[test]
fn what_a_crash_left_in_the_folder_is_removed() {
    let folder = temporary();
    let root = folder.path().join("state");
    // Before there is an identity, nothing counts.
    for name in ["db-0000000000000001", "db-0000000000000007"] {
        fs::create_dir_all(root.join(name)).unwrap();
        fs::write(root.join(name).join("CURRENT"), "half").unwrap();
    }
    let store = open(folder.path());
    put(&store, 1);
    store.flush().unwrap();
    drop(store);
    for name in ["db-0000000000000009", "pin-0000000000000003", "pin-0000000000000004.tmp"] {
        fs::create_dir(root.join(name)).unwrap();
        fs::write(root.join(name).join("000001.sst"), "half").unwrap();
    }
    fs::write(root.join("current.tmp"), "half").unwrap();
    assert_eq!(read(&*open(folder.path()).view()), 1);
    assert_eq!(list(&root), ["current", "db-0000000000000001", "identity", "lock"]);
}

#[test]
fn after_an_error_nothing_is_taken() {
    let folder = temporary();
    let store = open(folder.path());
    put(&store, 1);
    fs::remove_dir_all(folder.path().join("state/db-0000000000000001")).unwrap();
    store.flush().unwrap_err();
    for refused in [store.flush(), store.commit(vec![]), store.finish_install()] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("an earlier write failed"), "{refused}");
    }
    assert!(store.checkpoint().is_err());
}

#[test]
fn a_snapshot_of_another_kind_is_refused_and_leaves_nothing() {
    let folder = temporary();
    let store = open(folder.path());
    let snapshots = snapshots(folder.path());
    let mut sink = snapshots.create().unwrap();
    sink.begin_file("state").unwrap();
    sink.write(b"BALSAMEM").unwrap();
    sink.finish(meta()).unwrap();
    let refused = store.install(&mut *snapshots.open_newest().unwrap()).unwrap_err().to_string();
    assert!(refused.contains("another kind of store"), "{refused}");
    drop(store);
    let store = open(folder.path());
    assert!(!store.install_unfinished());
    let root = folder.path().join("state");
    assert_eq!(list(&root), ["current", "db-0000000000000001", "identity", "lock"]);
}

#[test]
fn the_wrong_folder_is_refused_by_name() {
    let folder = temporary();
    let root = folder.path().join("state");
    let store = open(folder.path());
    let refused = |spaces: &[&str], config, what: &str| {
        let error = RocksState::open(&root, spaces, config).err().expect("is refused");
        assert!(matches!(error, StorageError::Refused { .. }), "{error}");
        assert!(error.to_string().contains(what), "{error}");
        assert!(error.to_string().contains("state"), "{error}");
    };
    refused(&SPACES, small(), "another process uses it");
    let view = store.view();
    drop(store);
    refused(&SPACES, small(), "drop all views");
    drop(view);
    refused(&SPACES, RocksConfig { node: NodeId(2), ..small() }, "belongs to node");
    refused(&SPACES, RocksConfig { cluster: 8, ..small() }, "belongs to cluster");
    refused(&["one"], small(), "written with the spaces");
    refused(&["one", "two", "three"], small(), "written with the spaces");
    let id = open(folder.path()).storage_id();
    let again = RocksState::open(&root, &SPACES, RocksConfig { seed: 99, ..small() }).unwrap();
    assert_eq!(again.storage_id(), id, "drawn once");
}

const SPACES: [&str; 2] = ["one", "two"];

/// Little memory, so that much happens.
fn small() -> RocksConfig {
    let mut config = RocksConfig::new(NodeId(1), 7, 42);
    config.options.block_cache_bytes = 1024 * 1024;
    config.options.write_buffer_bytes = 64 * 1024;
    config.options.filtered_spaces = vec!["two".to_owned()];
    config
}

fn open(folder: &Path) -> RocksState {
    RocksState::open(&folder.join("state"), &SPACES, small()).expect("opens")
}

/// Commits a number under one key, and a row of its own.
fn put(store: &RocksState, number: u64) {
    let bytes = Bytes::copy_from_slice(&number.to_be_bytes());
    let value = Bytes::from(vec![number as u8; 2_000]);
    store
        .commit(vec![
            Mutation::Put(Space(0), Bytes::from_static(b"number"), bytes.clone()),
            Mutation::Put(Space(1), bytes, value),
        ])
        .expect("commits");
}

fn read(view: &dyn StateView) -> u64 {
    number(view.get(Space(0), b"number").expect("reads"))
}

fn durable(store: &RocksState) -> u64 {
    number(store.durable_get(Space(0), b"number").expect("reads"))
}

fn number(value: Option<Bytes>) -> u64 {
    value.map_or(0, |value| u64::from_be_bytes(value[..].try_into().expect("eight bytes")))
}

fn snapshot(store: &RocksState, snapshots: &FileSnapshots) {
    let mut sink = snapshots.create().expect("creates");
    store.checkpoint().expect("pins").write(&mut *sink).expect("writes");
    sink.finish(meta()).expect("finishes");
}

fn snapshots(folder: &Path) -> FileSnapshots {
    let files = OsFiles::new(folder.join("snapshots")).expect("is made");
    FileSnapshots::open(Arc::new(files)).expect("opens")
}

fn meta() -> SnapshotMeta {
    SnapshotMeta::bootstrap(Membership::of_voters([NodeId(1)]))
}

fn list(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("is there");
    let name = |entry: Result<fs::DirEntry, _>| entry.expect("reads").file_name().into_string();
    let mut names: Vec<_> = entries.map(|entry| name(entry).expect("is UTF-8")).collect();
    names.sort();
    names
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("is made");
    for name in list(from) {
        fs::copy(from.join(&name), to.join(&name)).expect("is copied");
    }
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}
