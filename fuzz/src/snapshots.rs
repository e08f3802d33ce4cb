//! Snapshots that come from another node, piece by piece, and those that are found at
//! a start.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use raft_core::{Incarnation, Membership, NodeId, Position, SnapshotMeta, TransferId};
use raft_storage::files::{Files, Outage, SimFiles};
use raft_storage::snapshots::FileSnapshots;
use raft_storage::{Chunk, SnapshotSource, SnapshotStore, StorageError};

use super::input::Input;
use super::memory;

/// What a byte that comes in, or lies on the disk, may cost.
const EACH: usize = 40;

/// The name, and what is in it, of each file.
type Contents = BTreeMap<String, Vec<u8>>;

/// A stream of any chunks becomes a snapshot that holds what they held, or is refused.
/// Damage to one that lies there is found when it is read, or changes nothing.
pub fn snapshots(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let files = SimFiles::new(1);
    let store = open(&files).expect("an empty folder can be opened");
    let sent = memory::bounded(bytes.len(), EACH, || receive(&store, &mut input));
    let Ok(sent) = sent else {
        assert!(store.open_received(FROM, ID).is_err(), "what was refused is gone");
        return;
    };
    let mut source = store.open_received(FROM, ID).expect("it is complete");
    assert_eq!(source.meta(), &meta());
    assert_eq!(read(source.as_mut()).expect("it is whole"), sent);
    drop(source);
    store.promote(FROM, ID).expect("it is there");
    assert_eq!(store.newest(), Some(meta()));
    drop(store);
    let files = files.restart(Outage::Kill);
    damage(&files, &mut input);
    let Ok(store) = open(&files) else { return };
    let newest = store.newest();
    assert!(newest.is_none() || newest == Some(meta()), "{newest:?} was never there");
    let Ok(mut source) = store.open_newest() else { return };
    if let Ok(found) = read(source.as_mut()) {
        assert_eq!(found, sent, "damage is found");
    }
}

const FROM: NodeId = NodeId(2);
const ID: TransferId = TransferId { incarnation: Incarnation(9), counter: 1 };

fn meta() -> SnapshotMeta {
    let membership = Membership::of_voters([NodeId(1), NodeId(2)]);
    SnapshotMeta { position: Position::new(3, 70), membership }
}

fn open(files: &SimFiles) -> Result<FileSnapshots, StorageError> {
    FileSnapshots::open(Arc::new(files.clone()))
}

/// Takes in chunks, most of which continue what came before. What the files hold.
fn receive(store: &FileSnapshots, input: &mut Input<'_>) -> Result<Contents, StorageError> {
    let mut sink = store.receive(FROM, ID, meta()).expect("the disk works");
    let mut sent = Contents::new();
    for _ in 0..1 + input.below(12) {
        let name = name(input);
        let length = sent.get(&name).map_or(0, Vec::len) as u64;
        let offset = if input.below(16) == 15 { input.number() } else { length };
        let bytes = Bytes::copy_from_slice(input.short());
        let (ends_file, ends_snapshot) = (input.flag(), input.below(4) == 3);
        let mut chunk = Chunk::new(&name, offset, bytes, ends_file, ends_snapshot);
        if input.below(16) == 15 {
            chunk.checksum = input.number() as u32;
        }
        sink.write(&chunk)?;
        sent.entry(name).or_default().extend_from_slice(&chunk.bytes);
        if ends_snapshot {
            break;
        }
    }
    sink.finish()?;
    Ok(sent)
}

fn name(input: &mut Input<'_>) -> String {
    let known = ["a", "b", "a", "state", "a", "..", "balsa-manifest", "", "../a", "x/y"];
    match known.get(input.below(12)) {
        Some(name) => (*name).to_owned(),
        None => String::from_utf8_lossy(input.short()).into_owned(),
    }
}

fn read(source: &mut dyn SnapshotSource) -> Result<Contents, StorageError> {
    let mut found = Contents::new();
    while let Some(chunk) = source.next_chunk(100)? {
        let file = found.entry(chunk.file).or_default();
        assert_eq!(file.len() as u64, chunk.offset);
        file.extend_from_slice(&chunk.bytes);
    }
    Ok(found)
}

/// Changes a few bytes of a file of the newest snapshot, or takes the file away.
fn damage(files: &SimFiles, input: &mut Input<'_>) {
    let folders = files.list("").expect("the folder can be listed");
    let folder = folders.iter().find(|name| name.starts_with("own-")).expect("it is there");
    let names = files.list(folder).expect("the folder can be listed");
    let name = format!("{folder}/{}", names[input.below(names.len())]);
    let mut contents = files.contents(&name).expect("it is there");
    if input.below(16) == 15 {
        files.remove(&name).expect("it is there");
        return;
    }
    let from = input.below(contents.len() + 1);
    let bytes = input.short();
    let end = (from + bytes.len()).max(contents.len());
    contents.resize(end, 0);
    contents[from..from + bytes.len()].copy_from_slice(bytes);
    files.damage(&name, 0, &contents).expect("it is there");
}
