//! What snapshots leave on the disk, and files that a state machine puts there itself.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use raft_core::{Incarnation, NodeId, Position, SnapshotMeta, TransferId};
use raft_storage::files::{Files, OsFiles, Outage, SimFiles};
use raft_storage::snapshots::FileSnapshots;
use raft_storage::{Chunk, SnapshotStore, StorageError};

fn meta(index: u64) -> SnapshotMeta {
    SnapshotMeta { position: Position::new(1, index), ..SnapshotMeta::default() }
}

fn make(store: &FileSnapshots, index: u64) {
    let mut sink = store.create().unwrap();
    sink.begin_file("state").unwrap();
    sink.write(&index.to_le_bytes()).unwrap();
    sink.finish(meta(index)).unwrap();
}

fn receive(store: &FileSnapshots, from: NodeId, counter: u64) -> TransferId {
    let id = TransferId { incarnation: Incarnation(1), counter };
    let mut sink = store.receive(from, id, meta(9)).unwrap();
    sink.write(&Chunk::new("state", 0, Bytes::from_static(b"x"), true, true)).unwrap();
    sink.finish().unwrap();
    id
}

fn open(files: &SimFiles) -> FileSnapshots {
    FileSnapshots::open(Arc::new(files.clone())).unwrap()
}

fn folders(files: &SimFiles) -> Vec<String> {
    let mut names = files.list("").unwrap();
    names.retain(|name| name != "lock");
    names
}

#[test]
fn at_most_two_of_ones_own_exist_and_nothing_unfinished() {
    let files = SimFiles::new(1);
    let store = open(&files);
    for index in 1..=5 {
        make(&store, index);
        assert!(folders(&files).len() <= 2, "{:?}", folders(&files));
    }
    drop(store.create().unwrap());
    let id = receive(&store, NodeId(2), 1);
    assert_eq!(folders(&files).len(), 3, "one came in");
    store.discard(NodeId(2), id).unwrap();
    assert_eq!(folders(&files).len(), 2, "and is gone");
}

#[test]
fn one_that_is_read_is_removed_as_soon_as_it_is_not() {
    let files = SimFiles::new(1);
    let store = open(&files);
    make(&store, 1);
    let source = store.open_newest().unwrap();
    (2..=4).for_each(|index| make(&store, index));
    assert_eq!(folders(&files).len(), 3, "two and the one that is read");
    drop(source);
    make(&store, 5);
    assert_eq!(folders(&files).len(), 2);
}

#[test]
fn a_start_removes_what_was_unfinished_and_what_was_received() {
    let files = SimFiles::new(1);
    let store = open(&files);
    make(&store, 1);
    receive(&store, NodeId(2), 1);
    let mut unfinished = store.create().unwrap();
    unfinished.begin_file("half").unwrap();
    files.crash();
    drop(unfinished);
    drop(store);
    let files = files.restart(Outage::Kill);
    assert_eq!(folders(&files).len(), 3);
    let store = open(&files);
    assert_eq!(folders(&files).len(), 1);
    assert_eq!(store.newest(), Some(meta(1)));
}

#[test]
fn a_damaged_file_is_found_when_it_is_read() {
    let files = SimFiles::new(1);
    let store = open(&files);
    make(&store, 1);
    let path = format!("{}/state", folders(&files)[0]);
    files.damage(&path, 3, b"x").unwrap();
    let error = store.open_newest().unwrap().next_chunk(100).unwrap_err();
    assert!(matches!(error, StorageError::Corrupt { .. }), "{error}");
    drop(store);
    files.damage(&path, 8, b"longer").unwrap();
    let opened = FileSnapshots::open(Arc::new(files.restart(Outage::Kill)));
    assert!(matches!(opened, Err(StorageError::Corrupt { .. })), "its length is wrong");
}

#[test]
fn files_put_into_the_folder_belong_to_the_snapshot() {
    let temp = tempfile::tempdir().unwrap();
    let elsewhere = temp.path().join("000012.sst");
    fs::write(&elsewhere, vec![7; 600_000]).unwrap();
    let files = OsFiles::new(temp.path().join("snapshots")).unwrap();
    let store = FileSnapshots::open(Arc::new(files)).unwrap();

    let mut sink = store.create().unwrap();
    sink.begin_file("meta").unwrap();
    sink.write(b"m").unwrap();
    let folder = sink.folder().expect("a real folder");
    fs::hard_link(&elsewhere, folder.join("000012.sst")).unwrap();
    sink.finish(meta(3)).unwrap();
    fs::remove_file(&elsewhere).unwrap();

    let mut source = store.open_newest().unwrap();
    let folder = source.folder().expect("a real folder");
    assert_eq!(fs::read(folder.join("000012.sst")).unwrap(), vec![7; 600_000]);
    let mut lengths = std::collections::BTreeMap::new();
    while let Some(chunk) = source.next_chunk(100_000).unwrap() {
        *lengths.entry(chunk.file).or_insert(0) += chunk.bytes.len();
    }
    let wanted = [("000012.sst".to_owned(), 600_000), ("meta".to_owned(), 1)];
    assert!(lengths.into_iter().eq(wanted));
}

/// Takes a snapshot of one file that lies elsewhere.
fn make_of(store: &FileSnapshots, index: u64, table: &Path) {
    let sink = store.create().unwrap();
    let folder = sink.folder().expect("a real folder");
    fs::hard_link(table, folder.join("000012.sst")).unwrap();
    sink.finish(meta(index)).unwrap();
}

fn read_through(store: &FileSnapshots) -> Result<Vec<u8>, StorageError> {
    let mut source = store.open_newest()?;
    let mut bytes = Vec::new();
    while let Some(chunk) = source.next_chunk(1_000)? {
        bytes.extend_from_slice(&chunk.bytes);
    }
    Ok(bytes)
}

#[test]
fn what_goes_bad_between_two_snapshots_gets_no_checksum_of_its_own() {
    let temp = tempfile::tempdir().unwrap();
    let table = temp.path().join("table");
    fs::write(&table, [7; 3_000]).unwrap();
    let files = OsFiles::new(temp.path().join("snapshots")).unwrap();
    let store = FileSnapshots::open(Arc::new(files)).unwrap();
    make_of(&store, 1, &table);
    make_of(&store, 2, &table);
    assert_eq!(read_through(&store).unwrap(), [7; 3_000]);

    fs::File::options().write(true).open(&table).unwrap().write_all_at(b"bad", 10).unwrap();
    make_of(&store, 3, &table);
    let error = read_through(&store).unwrap_err();
    assert!(matches!(error, StorageError::Corrupt { .. }), "{error}");

    let other = temp.path().join("another table");
    fs::write(&other, [8; 3_000]).unwrap();
    make_of(&store, 4, &other);
    assert_eq!(read_through(&store).unwrap(), [8; 3_000], "of the same name and length");
}
