//! From the generated types to the plain ones, with every check.

use proto::balsa::raft::v1 as wire;
use raft_core::{
    Body, Entry, EntryKind, Incarnation, Index, Membership, Message, NodeId, Position, ReadId,
    Round, SnapshotMeta, Term, TransferId,
};
use raft_storage::Chunk;

use super::{DecodeError, MAX_CHUNK_BYTES, MAX_ENTRIES, MAX_FILE_NAME_BYTES, MAX_NUMBER};
use crate::frame::{
    ForwardId, ForwardOutcome, ForwardRefusal, Frame, FrameBody, Progress, SnapshotChunk,
    SnapshotHeader, SnapshotProgress,
};

pub fn frame(frame: wire::Frame) -> Result<Frame, DecodeError> {
    use wire::frame::Body as Wire;
    let body = match required(frame.body, "the frame's body")? {
        Wire::Raft(message) => FrameBody::Raft(raft(message)?),
        Wire::Forward(forward) => FrameBody::Forward {
            request: forward_id(forward.request)?,
            format: byte(forward.format, "a command's format")?,
            payload: forward.payload,
        },
        Wire::ForwardReply(reply) => FrameBody::ForwardReply {
            request: forward_id(reply.request)?,
            outcome: forward_outcome(reply.outcome)?,
        },
        Wire::SnapshotHeader(header) => FrameBody::SnapshotHeader(snapshot_header(header)?),
        Wire::SnapshotChunk(chunk) => FrameBody::SnapshotChunk(snapshot_chunk(chunk)?),
        Wire::SnapshotProgress(progress) => {
            FrameBody::SnapshotProgress(snapshot_progress(progress)?)
        }
    };
    Ok(Frame { group: frame.group, body })
}

fn raft(message: wire::RaftMessage) -> Result<Message, DecodeError> {
    use wire::raft_message::Body as Wire;
    let term = term(message.term)?;
    let body = match required(message.body, "the message's body")? {
        Wire::Append(append) => {
            let prev = position(append.prev)?;
            let entries = entries(append.entries, prev, term)?;
            Body::Append { prev, entries, commit: index(append.commit)? }
        }
        Wire::AppendAccepted(body) => Body::AppendAccepted { matched: index(body.matched)? },
        Wire::AppendRejected(body) => {
            Body::AppendRejected { prev: index(body.prev)?, hint: position(body.hint)? }
        }
        Wire::Heartbeat(body) => {
            Body::Heartbeat { round: round(body.round)?, commit: index(body.commit)? }
        }
        Wire::HeartbeatAck(body) => {
            Body::HeartbeatAck { round: round(body.round)?, verified: index(body.verified)? }
        }
        Wire::PreVote(body) => {
            Body::PreVote { next: self::term(body.next)?, last: position(body.last)? }
        }
        Wire::PreVoteReply(body) => {
            Body::PreVoteReply { next: self::term(body.next)?, granted: body.granted }
        }
        Wire::Vote(body) => Body::Vote { last: position(body.last)?, transfer: body.transfer },
        Wire::VoteReply(body) => Body::VoteReply { granted: body.granted },
        Wire::HigherTerm(wire::HigherTerm {}) => Body::HigherTerm,
        Wire::TimeoutNow(wire::TimeoutNow {}) => Body::TimeoutNow,
        Wire::ReadIndex(body) => Body::ReadIndex { id: read_id(body.id)? },
        Wire::ReadIndexReply(body) => Body::ReadIndexReply {
            id: read_id(body.id)?,
            index: body.index.map(index).transpose()?,
        },
        Wire::SnapshotAck(body) => {
            Body::SnapshotAck { id: transfer(body.id)?, matched: index(body.matched)? }
        }
    };
    Ok(Message { from: node(message.from)?, to: node(message.to)?, term, body })
}

fn entries(
    entries: Vec<wire::Entry>,
    prev: Position,
    sender: Term,
) -> Result<Vec<Entry>, DecodeError> {
    at_most("an append's entries", entries.len(), MAX_ENTRIES)?;
    let mut decoded = Vec::with_capacity(entries.len());
    let mut before = prev;
    for entry in entries {
        let entry = self::entry(entry)?;
        let expected = before.index.next();
        if entry.index != expected {
            return Err(DecodeError::NotConsecutive { expected, found: entry.index });
        }
        if entry.term < before.term || entry.term > sender {
            let (entry, low, high) = (entry.position(), before.term, sender);
            return Err(DecodeError::WrongTerm { entry, low, high });
        }
        before = entry.position();
        decoded.push(entry);
    }
    Ok(decoded)
}

fn entry(entry: wire::Entry) -> Result<Entry, DecodeError> {
    let entry = Entry {
        term: term(entry.term)?,
        index: index(entry.index)?,
        kind: EntryKind(byte(entry.kind, "an entry's kind")?),
        format: byte(entry.format, "an entry's format")?,
        payload: entry.payload,
    };
    if entry.kind == EntryKind::MEMBERSHIP {
        membership(entry.position(), entry.format, &entry.payload)?;
    }
    Ok(entry)
}

fn forward_outcome(
    outcome: Option<wire::forward_reply::Outcome>,
) -> Result<ForwardOutcome, DecodeError> {
    use wire::forward_reply::{Outcome, Refusal};
    let refused = match required(outcome, "the outcome of a forwarded write")? {
        Outcome::Accepted(at) => return Ok(ForwardOutcome::Accepted(position(Some(at))?)),
        Outcome::Refused(refused) => refused,
    };
    let reason = match refused.reason() {
        Refusal::Unspecified => return Err(DecodeError::Missing("the reason of a refusal")),
        Refusal::NotLeader => ForwardRefusal::NotLeader,
        Refusal::LeadershipLost => ForwardRefusal::LeadershipLost,
        Refusal::Transferring => ForwardRefusal::Transferring,
        Refusal::Overloaded => ForwardRefusal::Overloaded,
    };
    let leader = Some(NodeId(refused.leader)).filter(|leader| *leader != NodeId(0));
    Ok(ForwardOutcome::Refused { reason, leader })
}

fn snapshot_header(header: wire::SnapshotHeader) -> Result<SnapshotHeader, DecodeError> {
    let position = position(header.position)?;
    let format = byte(header.membership_format, "a membership's format")?;
    let membership = membership(position, format, &header.membership)?;
    let term = term(header.term)?;
    if position.term > term {
        let (entry, low, high) = (position, Term::ZERO, term);
        return Err(DecodeError::WrongTerm { entry, low, high });
    }
    let meta = SnapshotMeta { position, membership };
    Ok(SnapshotHeader { id: transfer(header.id)?, term, meta })
}

fn snapshot_chunk(chunk: wire::SnapshotChunk) -> Result<SnapshotChunk, DecodeError> {
    at_most("a chunk's bytes", chunk.bytes.len(), MAX_CHUNK_BYTES)?;
    let id = transfer(chunk.id)?;
    let number = number(chunk.number, "a chunk's number")?;
    let plain = Chunk {
        file: file_name(chunk.file)?,
        offset: self::number(chunk.offset, "a chunk's offset")?,
        bytes: chunk.bytes,
        checksum: chunk.checksum,
        ends_file: chunk.ends_file,
        ends_snapshot: chunk.ends_snapshot,
    };
    let found = plain.checksum_of();
    if found != plain.checksum {
        let Chunk { file, offset, checksum: expected, .. } = plain;
        return Err(DecodeError::WrongChecksum { number, file, offset, expected, found });
    }
    Ok(SnapshotChunk { id, number, chunk: plain })
}

fn snapshot_progress(progress: wire::SnapshotProgress) -> Result<SnapshotProgress, DecodeError> {
    use wire::snapshot_progress::State;
    let state = match progress.state() {
        State::Unspecified => return Err(DecodeError::Missing("the state of a snapshot")),
        State::Receiving => Progress::Receiving,
        State::Complete => Progress::Complete,
        State::Failed => Progress::Failed,
    };
    let chunks = number(progress.chunks, "a number of chunks")?;
    Ok(SnapshotProgress { id: transfer(progress.id)?, chunks, progress: state })
}

fn membership(at: Position, format: u8, bytes: &[u8]) -> Result<Membership, DecodeError> {
    Membership::decode(format, bytes).map_err(|why| DecodeError::BadMembership { at, why })
}

/// Files of a snapshot become files of a folder, so a name must be a plain one.
fn file_name(name: String) -> Result<String, DecodeError> {
    let plain = !name.is_empty()
        && name.len() <= MAX_FILE_NAME_BYTES
        && name != "."
        && name != ".."
        && !name.contains(['/', '\\', '\0']);
    if plain { Ok(name) } else { Err(DecodeError::BadFileName(name)) }
}

fn position(position: Option<wire::Position>) -> Result<Position, DecodeError> {
    let position = required(position, "a position")?;
    Ok(Position { term: term(position.term)?, index: index(position.index)? })
}

fn transfer(id: Option<wire::TransferId>) -> Result<TransferId, DecodeError> {
    let id = required(id, "a snapshot's id")?;
    Ok(TransferId {
        incarnation: Incarnation(id.incarnation),
        counter: number(id.counter, "a snapshot's counter")?,
    })
}

fn read_id(id: Option<wire::RequestId>) -> Result<ReadId, DecodeError> {
    let ForwardId { node, incarnation, counter } = forward_id(id)?;
    Ok(ReadId { node, incarnation, counter })
}

fn forward_id(id: Option<wire::RequestId>) -> Result<ForwardId, DecodeError> {
    let id = required(id, "a request's id")?;
    Ok(ForwardId {
        node: node(id.node)?,
        incarnation: Incarnation(id.incarnation),
        counter: number(id.counter, "a request's counter")?,
    })
}

pub fn node(id: u64) -> Result<NodeId, DecodeError> {
    if id == 0 {
        Err(DecodeError::OutOfRange { what: "a node's id", value: 0 })
    } else {
        Ok(NodeId(id))
    }
}

fn term(value: u64) -> Result<Term, DecodeError> {
    number(value, "a term").map(Term)
}

fn index(value: u64) -> Result<Index, DecodeError> {
    number(value, "an index").map(Index)
}

fn round(value: u64) -> Result<Round, DecodeError> {
    number(value, "a round").map(Round)
}

fn number(value: u64, what: &'static str) -> Result<u64, DecodeError> {
    if value > MAX_NUMBER { Err(DecodeError::OutOfRange { what, value }) } else { Ok(value) }
}

fn byte(value: u32, what: &'static str) -> Result<u8, DecodeError> {
    u8::try_from(value).map_err(|_| DecodeError::OutOfRange { what, value: u64::from(value) })
}

fn at_most(what: &'static str, size: usize, limit: usize) -> Result<(), DecodeError> {
    if size > limit {
        return Err(DecodeError::TooLarge { what, size: size as u64, limit: limit as u64 });
    }
    Ok(())
}

pub fn required<T>(value: Option<T>, what: &'static str) -> Result<T, DecodeError> {
    value.ok_or(DecodeError::Missing(what))
}
