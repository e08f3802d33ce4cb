//! The codec against everything that may come: any frame survives the way there
//! and back, and no bytes whatever make it panic.

mod frames;

use bytes::Bytes;
use proptest::prelude::*;
use proto::sealed::{CHECKSUM_BYTES, Seal};
use raft_core::{Body, Entry, EntryKind, Index, Membership, Message, NodeId, Position, Term};
use raft_net::codec::{self, DecodeError};
use raft_net::{Frame, FrameBody};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_frame_comes_out_as_it_went_in(frame in frames::any_frame()) {
        let bytes = codec::encode(&frame);
        prop_assert_eq!(bytes.len(), codec::encoded_len(&frame));
        prop_assert_eq!(codec::decode(&bytes), Ok(frame));
    }

    #[test]
    fn a_frame_with_a_flipped_bit_is_refused_before_it_is_looked_at(
        frame in frames::any_frame(),
        bit in any::<prop::sample::Index>(),
    ) {
        let mut bytes = codec::encode(&frame).to_vec();
        let bit = bit.index(8 * bytes.len());
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(matches!(codec::decode(&bytes), Err(DecodeError::Damaged(_))));
    }

    #[test]
    fn garbage_is_refused_or_read_but_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check_total(&bytes)?;
    }

    #[test]
    fn a_damaged_frame_is_refused_or_read_but_never_panics(
        frame in frames::any_frame(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..8u8), 1..4),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut bytes = codec::encode(&frame)[CHECKSUM_BYTES..].to_vec();
        for (place, bit) in damage {
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        check_total(&bytes)?;
    }
}

/// Whatever is let through is sound: it can be encoded again and is the same then. The
/// checksum is right, so that it hides nothing of what is behind it.
fn check_total(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(frame) = codec::decode(&sealed(bytes)) {
        frames::assert_sound(&frame);
        let again = codec::encode(&frame);
        prop_assert_eq!(codec::decode(&again), Ok(frame));
    }
    Ok(())
}

/// The bytes with their checksum before them.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    [&Seal::default().next(bytes).to_le_bytes(), bytes].concat()
}

fn append(term: u64, prev: Position, entries: Vec<Entry>) -> Frame {
    let body = Body::Append { prev, entries, commit: Index(1) };
    Frame::new(FrameBody::Raft(Message { from: NodeId(1), to: NodeId(2), term: Term(term), body }))
}

fn entry(term: u64, index: u64) -> Entry {
    let payload = Bytes::from_static(b"set a 1");
    Entry { term: Term(term), index: Index(index), kind: EntryKind::COMMAND, format: 1, payload }
}

/// What decoding gives for a frame that the types allow and no peer sends.
fn refused(frame: &Frame) -> DecodeError {
    codec::decode(&codec::encode(frame)).expect_err("the frame is not sound")
}

#[test]
fn entries_must_follow_their_predecessor() {
    let gap = append(3, Position::new(2, 10), vec![entry(2, 12)]);
    let expected = DecodeError::NotConsecutive { expected: Index(11), found: Index(12) };
    assert_eq!(refused(&gap), expected);

    let behind = append(3, Position::new(2, 10), vec![entry(2, 10)]);
    let expected = DecodeError::NotConsecutive { expected: Index(11), found: Index(10) };
    assert_eq!(refused(&behind), expected);

    let gap_inside = append(3, Position::new(2, 10), vec![entry(2, 11), entry(2, 13)]);
    let expected = DecodeError::NotConsecutive { expected: Index(12), found: Index(13) };
    assert_eq!(refused(&gap_inside), expected);
}

#[test]
fn terms_of_entries_never_fall_nor_pass_the_senders() {
    let falling = append(5, Position::new(3, 10), vec![entry(2, 11)]);
    assert!(matches!(refused(&falling), DecodeError::WrongTerm { .. }));
    let ahead = append(5, Position::new(3, 10), vec![entry(6, 11)]);
    assert!(matches!(refused(&ahead), DecodeError::WrongTerm { .. }));
}

#[test]
fn a_membership_that_cannot_be_read_is_refused() {
    let broken = Entry {
        kind: EntryKind::MEMBERSHIP,
        format: Membership::FORMAT,
        payload: Bytes::from_static(b"no membership"),
        ..entry(3, 11)
    };
    let frame = append(3, Position::new(3, 10), vec![broken]);
    assert!(matches!(refused(&frame), DecodeError::BadMembership { .. }));
}

/// The node that gets it must be able to stop and ask to be upgraded.
#[test]
fn an_entry_of_an_unknown_kind_gets_through() {
    let unknown = Entry { kind: EntryKind(200), ..entry(3, 11) };
    let frame = append(3, Position::new(3, 10), vec![unknown]);
    assert_eq!(codec::decode(&codec::encode(&frame)), Ok(frame));
}

#[test]
fn numbers_leave_room_to_count_on() {
    let frame = append(codec::MAX_NUMBER + 1, Position::ZERO, vec![]);
    let expected = DecodeError::OutOfRange { what: "a term", value: codec::MAX_NUMBER + 1 };
    assert_eq!(refused(&frame), expected);
}

#[test]
fn nobody_is_node_zero() {
    let message = Message { from: NodeId(0), to: NodeId(2), term: Term(1), body: Body::TimeoutNow };
    let frame = Frame::new(FrameBody::Raft(message));
    assert_eq!(refused(&frame), DecodeError::OutOfRange { what: "a node's id", value: 0 });
}

#[test]
fn sizes_are_bounded() {
    let entries = (1..=codec::MAX_ENTRIES as u64 + 1).map(|index| entry(1, index)).collect();
    let frame = append(1, Position::ZERO, entries);
    assert!(matches!(refused(&frame), DecodeError::TooLarge { what: "an append's entries", .. }));

    let huge = vec![0; codec::MAX_FRAME_BYTES + 1];
    assert!(matches!(codec::decode(&huge), Err(DecodeError::TooLarge { .. })));
}

#[test]
fn a_body_that_is_not_known_is_refused() {
    assert_eq!(codec::decode(&sealed(&[])), Err(DecodeError::Missing("the frame's body")));
    // Field 100, empty: what a later version might send.
    assert_eq!(
        codec::decode(&sealed(&[0xa2, 0x06, 0])),
        Err(DecodeError::Missing("the frame's body"))
    );
}

#[test]
fn a_chunk_must_have_its_checksum_and_a_plain_name() {
    let good = frames::chunk_frame("state/000012.sst".replace('/', "-").as_str());
    assert_eq!(codec::decode(&codec::encode(&good)), Ok(good.clone()));

    let mut damaged = good;
    let FrameBody::SnapshotChunk(chunk) = &mut damaged.body else { unreachable!("a chunk") };
    chunk.chunk.checksum ^= 1;
    assert!(matches!(refused(&damaged), DecodeError::WrongChecksum { number: 3, .. }));

    for name in ["", ".", "..", "../../etc/passwd", "a/b", "a\\b", "a\0b", &"x".repeat(256)] {
        let frame = frames::chunk_frame(name);
        assert_eq!(refused(&frame), DecodeError::BadFileName(name.to_owned()));
    }
}

/// What is on the wire today must be readable by the next version.
#[test]
fn the_bytes_on_the_wire_do_not_change() {
    let frame = append(3, Position::new(2, 10), vec![entry(3, 11)]);
    let expected = "31d68f0f1231090100000000000000110200000000000000\
                    1803221b0a040802100a12110803100b180120012a07736574206120311801";
    let hex: String = codec::encode(&frame).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected);
}
