//! Frames of every kind, as sane peers send them.

use bytes::Bytes;
use proptest::prelude::*;
use raft_core::{
    Body, Entry, EntryKind, Incarnation, Index, Leave, Member, Membership, Message, NodeId,
    Position, ReadId, Round, SnapshotMeta, Term, TransferId,
};
use raft_net::codec::MAX_NUMBER;
use raft_net::{
    ForwardId, ForwardOutcome, ForwardRefusal, Frame, FrameBody, Progress, SnapshotChunk,
    SnapshotHeader, SnapshotProgress,
};
use raft_storage::Chunk;

/// Any frame that the codec lets through.
pub fn any_frame() -> impl Strategy<Value = Frame> {
    let body = prop_oneof![
        10 => message().prop_map(FrameBody::Raft),
        1 => (forward_id(), any::<u8>(), payload())
            .prop_map(|(request, format, payload)| FrameBody::Forward { request, format, payload }),
        1 => (forward_id(), forward_outcome())
            .prop_map(|(request, outcome)| FrameBody::ForwardReply { request, outcome }),
        1 => snapshot_header().prop_map(FrameBody::SnapshotHeader),
        1 => (transfer(), number(), chunk()).prop_map(|(id, number, chunk)| {
            FrameBody::SnapshotChunk(SnapshotChunk { id, number, chunk })
        }),
        1 => (transfer(), number(), progress()).prop_map(|(id, chunks, progress)| {
            FrameBody::SnapshotProgress(SnapshotProgress { id, chunks, progress })
        }),
    ];
    (any::<u64>(), body).prop_map(|(group, body)| Frame { group, body })
}

/// Asserts what the rest of a node relies on in a decoded frame.
pub fn assert_sound(frame: &Frame) {
    if let FrameBody::SnapshotChunk(SnapshotChunk { chunk, .. }) = &frame.body {
        assert_eq!(chunk.checksum, chunk.checksum_of());
        assert!(!chunk.file.contains('/'));
    }
    let FrameBody::Raft(message) = &frame.body else { return };
    let Body::Append { prev, entries, .. } = &message.body else { return };
    let mut before = *prev;
    for entry in entries {
        assert_eq!(entry.index, before.index.next());
        assert!(entry.term >= before.term && entry.term <= message.term);
        before = entry.position();
    }
}

/// Chunk number 3 of a snapshot, of a file of this name.
pub fn chunk_frame(file: &str) -> Frame {
    let id = TransferId { incarnation: Incarnation(9), counter: 1 };
    let chunk = Chunk::new(file, 4096, Bytes::from_static(b"content"), true, false);
    Frame::new(FrameBody::SnapshotChunk(SnapshotChunk { id, number: 3, chunk }))
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..10u64, 0..=MAX_NUMBER, Just(MAX_NUMBER)]
}

fn index() -> impl Strategy<Value = Index> {
    number().prop_map(Index)
}

fn term() -> impl Strategy<Value = Term> {
    number().prop_map(Term)
}

fn round() -> impl Strategy<Value = Round> {
    number().prop_map(Round)
}

fn node() -> impl Strategy<Value = NodeId> {
    prop_oneof![1..8u64, 1..=u64::MAX].prop_map(NodeId)
}

fn position() -> impl Strategy<Value = Position> {
    (term(), index()).prop_map(|(term, index)| Position { term, index })
}

fn payload() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..60).prop_map(Bytes::from)
}

fn transfer() -> impl Strategy<Value = TransferId> {
    (any::<u64>(), number()).prop_map(|(incarnation, counter)| TransferId {
        incarnation: Incarnation(incarnation),
        counter,
    })
}

fn forward_id() -> impl Strategy<Value = ForwardId> {
    (node(), any::<u64>(), number()).prop_map(|(node, incarnation, counter)| ForwardId {
        node,
        incarnation: Incarnation(incarnation),
        counter,
    })
}

fn read_id() -> impl Strategy<Value = ReadId> {
    forward_id().prop_map(|ForwardId { node, incarnation, counter }| ReadId {
        node,
        incarnation,
        counter,
    })
}

fn forward_outcome() -> impl Strategy<Value = ForwardOutcome> {
    let reason = prop::sample::select(vec![
        ForwardRefusal::NotLeader,
        ForwardRefusal::LeadershipLost,
        ForwardRefusal::Transferring,
        ForwardRefusal::Overloaded,
    ]);
    prop_oneof![
        position().prop_map(ForwardOutcome::Accepted),
        (reason, prop::option::of(node()))
            .prop_map(|(reason, leader)| ForwardOutcome::Refused { reason, leader }),
    ]
}

fn progress() -> impl Strategy<Value = Progress> {
    prop::sample::select(vec![Progress::Receiving, Progress::Complete, Progress::Failed])
}

fn chunk() -> impl Strategy<Value = Chunk> {
    ("[a-z0-9.-]{1,20}", number(), payload(), any::<bool>(), any::<bool>())
        .prop_filter("a plain name", |(file, ..)| file != "." && file != "..")
        .prop_map(|(file, offset, bytes, ends_file, ends_snapshot)| {
            Chunk::new(&file, offset, bytes, ends_file, ends_snapshot)
        })
}

fn membership() -> impl Strategy<Value = Membership> {
    let member = (any::<bool>(), prop::option::of(any::<u64>()), payload());
    (prop::collection::btree_map(1..20u64, member, 1..6), 20..30u64, any::<bool>()).prop_map(
        |(members, removed, explicit)| {
            let mut membership = Membership::default();
            for (place, (id, (votes, storage_id, context))) in members.into_iter().enumerate() {
                let id = NodeId(id);
                membership.members.insert(id, Member { storage_id, context });
                if votes || place == 0 {
                    membership.voters.insert(id);
                } else {
                    membership.outgoing.insert(id);
                }
            }
            membership.removed.insert(NodeId(removed));
            membership.leave = if explicit { Leave::Explicit } else { Leave::Auto };
            membership
        },
    )
}

fn snapshot_header() -> impl Strategy<Value = SnapshotHeader> {
    (transfer(), term(), position(), membership()).prop_map(
        |(id, term, mut position, membership)| {
            position.term = position.term.min(term);
            SnapshotHeader { id, term, meta: SnapshotMeta { position, membership } }
        },
    )
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        1 => append(),
        3 => (node(), node(), term(), body())
            .prop_map(|(from, to, term, body)| Message { from, to, term, body }),
    ]
}

/// An append whose entries follow on its predecessor, with terms that rise up to
/// the sender's.
fn append() -> impl Strategy<Value = Message> {
    let content = prop_oneof![
        4 => (prop::sample::select(vec![0u8, 1, 77]), any::<u8>(), payload()),
        1 => membership().prop_map(|membership| {
            (EntryKind::MEMBERSHIP.0, Membership::FORMAT, membership.encode())
        }),
    ];
    let entries = prop::collection::vec((0..3u64, content), 0..6);
    (node(), node(), 0..1000u64, 0..1000u64, entries, 0..3u64, index()).prop_map(
        |(from, to, prev_term, prev_index, contents, ahead, commit)| {
            let prev = Position::new(prev_term, prev_index);
            let mut last = prev;
            let mut entries = Vec::new();
            for (rise, (kind, format, payload)) in contents {
                last = Position::new(last.term.0 + rise, last.index.0 + 1);
                let (term, index, kind) = (last.term, last.index, EntryKind(kind));
                entries.push(Entry { term, index, kind, format, payload });
            }
            let term = Term(last.term.0 + ahead);
            Message { from, to, term, body: Body::Append { prev, entries, commit } }
        },
    )
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        index().prop_map(|matched| Body::AppendAccepted { matched }),
        (index(), position()).prop_map(|(prev, hint)| Body::AppendRejected { prev, hint }),
        (round(), index()).prop_map(|(round, commit)| Body::Heartbeat { round, commit }),
        (round(), index()).prop_map(|(round, verified)| Body::HeartbeatAck { round, verified }),
        (term(), position()).prop_map(|(next, last)| Body::PreVote { next, last }),
        (term(), any::<bool>()).prop_map(|(next, granted)| Body::PreVoteReply { next, granted }),
        (position(), any::<bool>()).prop_map(|(last, transfer)| Body::Vote { last, transfer }),
        any::<bool>().prop_map(|granted| Body::VoteReply { granted }),
        Just(Body::HigherTerm),
        Just(Body::TimeoutNow),
        read_id().prop_map(|id| Body::ReadIndex { id }),
        (read_id(), prop::option::of(index()))
            .prop_map(|(id, index)| Body::ReadIndexReply { id, index }),
        (transfer(), index()).prop_map(|(id, matched)| Body::SnapshotAck { id, matched }),
    ]
}
