//! From the plain types to the generated ones. Payloads are shared, not copied.

use proto::balsa::raft::v1 as wire;
use raft_core::{Body, Entry, Membership, Message, NodeId, Position, ReadId, TransferId};

use crate::frame::{
    ForwardId, ForwardOutcome, ForwardRefusal, Frame, FrameBody, Progress, SnapshotChunk,
    SnapshotHeader, SnapshotProgress,
};

pub fn frame(frame: &Frame) -> wire::Frame {
    use wire::frame::Body as Wire;
    let body = match &frame.body {
        FrameBody::Raft(message) => Wire::Raft(raft(message)),
        FrameBody::Forward { request, format, payload } => Wire::Forward(wire::Forward {
            request: Some(forward_id(*request)),
            format: u32::from(*format),
            payload: payload.clone(),
        }),
        FrameBody::ForwardReply { request, outcome } => Wire::ForwardReply(wire::ForwardReply {
            request: Some(forward_id(*request)),
            outcome: Some(forward_outcome(*outcome)),
        }),
        FrameBody::SnapshotHeader(header) => Wire::SnapshotHeader(snapshot_header(header)),
        FrameBody::SnapshotChunk(chunk) => Wire::SnapshotChunk(snapshot_chunk(chunk)),
        FrameBody::SnapshotProgress(progress) => {
            Wire::SnapshotProgress(snapshot_progress(progress))
        }
    };
    wire::Frame { group: frame.group, body: Some(body) }
}

fn raft(message: &Message) -> wire::RaftMessage {
    use wire::raft_message::Body as Wire;
    let body = match &message.body {
        Body::Append { prev, entries, commit } => Wire::Append(wire::Append {
            prev: Some(position(*prev)),
            entries: entries.iter().map(entry).collect(),
            commit: commit.0,
        }),
        Body::AppendAccepted { matched } => {
            Wire::AppendAccepted(wire::AppendAccepted { matched: matched.0 })
        }
        Body::AppendRejected { prev, hint } => {
            Wire::AppendRejected(wire::AppendRejected { prev: prev.0, hint: Some(position(*hint)) })
        }
        Body::Heartbeat { round, commit } => {
            Wire::Heartbeat(wire::Heartbeat { round: round.0, commit: commit.0 })
        }
        Body::HeartbeatAck { round, verified } => {
            Wire::HeartbeatAck(wire::HeartbeatAck { round: round.0, verified: verified.0 })
        }
        Body::PreVote { next, last } => {
            Wire::PreVote(wire::PreVote { next: next.0, last: Some(position(*last)) })
        }
        Body::PreVoteReply { next, granted } => {
            Wire::PreVoteReply(wire::PreVoteReply { next: next.0, granted: *granted })
        }
        Body::Vote { last, transfer } => {
            Wire::Vote(wire::Vote { last: Some(position(*last)), transfer: *transfer })
        }
        Body::VoteReply { granted } => Wire::VoteReply(wire::VoteReply { granted: *granted }),
        Body::HigherTerm => Wire::HigherTerm(wire::HigherTerm {}),
        Body::TimeoutNow => Wire::TimeoutNow(wire::TimeoutNow {}),
        Body::ReadIndex { id } => Wire::ReadIndex(wire::ReadIndex { id: Some(read_id(*id)) }),
        Body::ReadIndexReply { id, index } => Wire::ReadIndexReply(wire::ReadIndexReply {
            id: Some(read_id(*id)),
            index: index.map(|index| index.0),
        }),
        Body::SnapshotAck { id, matched } => {
            Wire::SnapshotAck(wire::SnapshotAck { id: Some(transfer(*id)), matched: matched.0 })
        }
    };
    wire::RaftMessage {
        from: message.from.0,
        to: message.to.0,
        term: message.term.0,
        body: Some(body),
    }
}

fn entry(entry: &Entry) -> wire::Entry {
    wire::Entry {
        term: entry.term.0,
        index: entry.index.0,
        kind: u32::from(entry.kind.0),
        format: u32::from(entry.format),
        payload: entry.payload.clone(),
    }
}

fn position(position: Position) -> wire::Position {
    wire::Position { term: position.term.0, index: position.index.0 }
}

fn transfer(id: TransferId) -> wire::TransferId {
    wire::TransferId { incarnation: id.incarnation.0, counter: id.counter }
}

fn read_id(id: ReadId) -> wire::RequestId {
    wire::RequestId { node: id.node.0, incarnation: id.incarnation.0, counter: id.counter }
}

fn forward_id(id: ForwardId) -> wire::RequestId {
    wire::RequestId { node: id.node.0, incarnation: id.incarnation.0, counter: id.counter }
}

fn forward_outcome(outcome: ForwardOutcome) -> wire::forward_reply::Outcome {
    use wire::forward_reply::{Outcome, Refusal, Refused};
    let (reason, leader) = match outcome {
        ForwardOutcome::Accepted(at) => return Outcome::Accepted(position(at)),
        ForwardOutcome::Refused { reason, leader } => (reason, leader),
    };
    let reason = match reason {
        ForwardRefusal::NotLeader => Refusal::NotLeader,
        ForwardRefusal::LeadershipLost => Refusal::LeadershipLost,
        ForwardRefusal::Transferring => Refusal::Transferring,
        ForwardRefusal::Overloaded => Refusal::Overloaded,
    };
    let leader = leader.unwrap_or(NodeId(0)).0;
    Outcome::Refused(Refused { reason: reason.into(), leader })
}

fn snapshot_header(header: &SnapshotHeader) -> wire::SnapshotHeader {
    wire::SnapshotHeader {
        id: Some(transfer(header.id)),
        term: header.term.0,
        position: Some(position(header.meta.position)),
        membership_format: u32::from(Membership::FORMAT),
        membership: header.meta.membership.encode(),
    }
}

fn snapshot_chunk(chunk: &SnapshotChunk) -> wire::SnapshotChunk {
    wire::SnapshotChunk {
        id: Some(transfer(chunk.id)),
        number: chunk.number,
        file: chunk.chunk.file.clone(),
        offset: chunk.chunk.offset,
        bytes: chunk.chunk.bytes.clone(),
        checksum: chunk.chunk.checksum,
        ends_file: chunk.chunk.ends_file,
        ends_snapshot: chunk.chunk.ends_snapshot,
    }
}

fn snapshot_progress(progress: &SnapshotProgress) -> wire::SnapshotProgress {
    use wire::snapshot_progress::State;
    let state = match progress.progress {
        Progress::Receiving => State::Receiving,
        Progress::Complete => State::Complete,
        Progress::Failed => State::Failed,
    };
    wire::SnapshotProgress {
        id: Some(transfer(progress.id)),
        chunks: progress.chunks,
        state: state.into(),
    }
}
