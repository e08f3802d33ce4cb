//! Frames between nodes, with the messages, entries, memberships and chunks in them.

use proto::sealed::Seal;
use raft_core::{Body, Membership};
use raft_net::codec::{self, MAX_FILE_NAME_BYTES};
use raft_net::{Frame, FrameBody, SnapshotChunk};

use super::memory;

/// What a byte of a frame may cost: an entry of two bytes is a value of some fifty, in
/// a list that doubles as it grows.
const EACH: usize = 160;

/// Whatever is let through is sound, and the same when it comes out of what it is
/// encoded to. The checksum is made right, so that it hides nothing of what is behind it.
pub fn frames(bytes: &[u8]) {
    if let Ok(frame) = codec::decode(bytes) {
        is_sound(&frame);
    }
    let sealed = [&Seal::default().next(bytes).to_le_bytes(), bytes].concat();
    let decoded = memory::bounded(sealed.len(), EACH, || codec::decode(&sealed));
    let Ok(frame) = decoded else { return };
    is_sound(&frame);
    let again = codec::encode(&frame);
    assert_eq!(again.len(), codec::encoded_len(&frame));
    assert_eq!(codec::decode(&again), Ok(frame));
}

/// A membership that is read is the same when it comes out of what it is encoded to.
pub fn memberships(bytes: &[u8]) {
    let decode = |bytes: &[u8]| Membership::decode(Membership::FORMAT, bytes);
    let Ok(membership) = memory::bounded(bytes.len(), EACH, || decode(bytes)) else { return };
    let again = membership.encode();
    assert_eq!(again.len(), bytes.len(), "the same content has the same length");
    assert_eq!(decode(&again), Ok(membership));
}

/// What the rest of a node relies on.
fn is_sound(frame: &Frame) {
    match &frame.body {
        FrameBody::SnapshotChunk(SnapshotChunk { chunk, .. }) => {
            assert_eq!(chunk.checksum, chunk.checksum_of());
            assert!(!chunk.file.is_empty() && chunk.file.len() <= MAX_FILE_NAME_BYTES);
            assert!(!chunk.file.contains('/') && chunk.file != "." && chunk.file != "..");
        }
        FrameBody::Raft(message) => {
            let Body::Append { prev, entries, .. } = &message.body else { return };
            let mut before = *prev;
            for entry in entries {
                assert_eq!(entry.index, before.index.next());
                assert!(entry.term >= before.term && entry.term <= message.term);
                before = entry.position();
            }
        }
        _ => {}
    }
}
