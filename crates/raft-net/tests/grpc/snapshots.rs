//! Snapshots on their own lane.

use bytes::Bytes;
use proto::balsa::raft::v1 as wire;
use proto::balsa::raft::v1::lane_request::Message;
use raft_core::{Incarnation, Membership, NodeId, Position, SnapshotMeta, Term, TransferId};
use raft_net::grpc::Options;
use raft_net::{
    Frame, FrameBody, Progress, SnapshotChunk, SnapshotHeader, SnapshotProgress, Transport,
    TransportEvent,
};
use raft_storage::Chunk;

use crate::limits::RawPeer;
use crate::support::{TestNode, identity, listen, pair, until};

const ID: TransferId = TransferId { incarnation: Incarnation(101), counter: 1 };

fn frame(node: &TestNode) -> FrameBody {
    node.wait_for("a frame", |event| match event {
        TransportEvent::Frame { frame, .. } => Some(frame.body),
        _ => None,
    })
}

fn header() -> FrameBody {
    let membership = Membership::of_voters([NodeId(1), NodeId(2)]);
    let meta = SnapshotMeta { position: Position::new(3, 1000), membership };
    FrameBody::SnapshotHeader(SnapshotHeader { id: ID, term: Term(4), meta })
}

fn chunk(number: u64, of: u64, bytes: usize) -> FrameBody {
    let content = Bytes::from(vec![number as u8; bytes]);
    let last = number + 1 == of;
    let chunk = Chunk::new("000001.sst", number * bytes as u64, content, last, last);
    FrameBody::SnapshotChunk(SnapshotChunk { id: ID, number, chunk })
}

#[test]
fn a_snapshot_arrives_whole_and_in_order_beside_the_other_lanes() {
    let (one, two) = pair(40, &Options::default());
    one.transport.send(two.id(), Frame::new(header()));
    for number in 0..50 {
        one.transport.send(two.id(), Frame::new(chunk(number, 50, 256 << 10)));
    }
    assert_eq!(frame(&two), header());
    for number in 0..50 {
        assert_eq!(frame(&two), chunk(number, 50, 256 << 10));
    }
    assert_eq!(two.counts_of(&one).streams_open, 5, "a lane of its own was dialled");

    let progress = SnapshotProgress { id: ID, chunks: 50, progress: Progress::Complete };
    let progress = FrameBody::SnapshotProgress(progress);
    two.transport.send(one.id(), Frame::new(progress.clone()));
    assert_eq!(frame(&one), progress);
}

#[test]
fn a_damaged_chunk_is_refused_and_reaches_nobody() {
    let node = TestNode::start(listen(41, 1), identity(1, 101), Options::default());
    let mut raw = RawPeer::greeted(&node, wire::Lane::Snapshot);
    let good = Chunk::new("000001.sst", 0, Bytes::from_static(b"content"), false, false);
    let chunk = wire::SnapshotChunk {
        id: Some(wire::TransferId { incarnation: 900, counter: 1 }),
        number: 0,
        file: good.file,
        offset: 0,
        bytes: Bytes::from_static(b"c0ntent"),
        checksum: good.checksum,
        ends_file: false,
        ends_snapshot: false,
    };
    let body = Some(wire::frame::Body::SnapshotChunk(chunk));
    raw.say(Message::Frame(wire::Frame { group: 0, body }));
    let refused = raw.reply().expect_err("refused");
    assert!(refused.message().contains("chunk 0 (000001.sst at byte 0) has checksum"), "{refused}");
    until("the stream is closed", || node.transport.counts()[&NodeId(2)].streams_open == 0);
    let told = node.events_so_far();
    assert!(!told.iter().any(|event| matches!(event, TransportEvent::Frame { .. })), "{told:?}");
}
