//! The payload of a frame: the writes of one group, one after the other.
//!
//! All numbers little-endian:
//!
//! ```text
//!   ballot   1  term u64, has-vote u8, vote u64
//!   append   2  count u32, then each entry:
//!               ┌────────┬─────────┬────────┬──────────┬────────────┬─────────┐
//!               │term u64│index u64│kind u8 │format u8 │length u32  │payload  │
//!               └────────┴─────────┴────────┴──────────┴────────────┴─────────┘
//!   purge    3  meta
//!   reset    4  meta
//!
//!   meta        term u64, index u64, membership format u8, length u32, membership
//! ```

use bytes::{Buf, BufMut, Bytes};
use raft_core::{
    Ballot, Entry, EntryKind, Index, Membership, NodeId, Position, SnapshotMeta, Term,
};

const BALLOT: u8 = 1;
const APPEND: u8 = 2;
const PURGE: u8 = 3;
const RESET: u8 = 4;

/// What an entry takes besides its payload.
pub(super) const ENTRY_HEADER: usize = 22;

/// One write, its entries' payloads still in the bytes that it was read from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Op<'a> {
    Ballot(Ballot),
    Append(Vec<RawEntry<'a>>),
    Purge(SnapshotMeta),
    Reset(SnapshotMeta),
}

/// An entry whose payload is borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawEntry<'a> {
    pub(super) term: Term,
    pub(super) index: Index,
    pub(super) kind: EntryKind,
    pub(super) format: u8,
    pub(super) payload: &'a [u8],
}

impl RawEntry<'_> {
    pub(super) fn to_entry(self) -> Entry {
        Entry {
            term: self.term,
            index: self.index,
            kind: self.kind,
            format: self.format,
            payload: Bytes::copy_from_slice(self.payload),
        }
    }
}

pub(super) fn put_ballot(out: &mut Vec<u8>, ballot: &Ballot) {
    out.put_u8(BALLOT);
    put_ballot_body(out, ballot);
}

pub(super) fn put_append(out: &mut Vec<u8>, entries: &[Entry]) {
    out.put_u8(APPEND);
    out.put_u32_le(entries.len() as u32);
    for entry in entries {
        out.put_u64_le(entry.term.0);
        out.put_u64_le(entry.index.0);
        out.put_u8(entry.kind.0);
        out.put_u8(entry.format);
        out.put_u32_le(entry.payload.len() as u32);
        out.put_slice(&entry.payload);
    }
}

pub(super) fn put_purge(out: &mut Vec<u8>, meta: &SnapshotMeta) {
    out.put_u8(PURGE);
    put_meta(out, meta);
}

pub(super) fn put_reset(out: &mut Vec<u8>, meta: &SnapshotMeta) {
    out.put_u8(RESET);
    put_meta(out, meta);
}

pub(super) fn put_ballot_body(out: &mut Vec<u8>, ballot: &Ballot) {
    out.put_u64_le(ballot.term.0);
    out.put_u8(u8::from(ballot.vote.is_some()));
    out.put_u64_le(ballot.vote.unwrap_or_default().0);
}

pub(super) fn put_meta(out: &mut Vec<u8>, meta: &SnapshotMeta) {
    let membership = meta.membership.encode();
    out.put_u64_le(meta.position.term.0);
    out.put_u64_le(meta.position.index.0);
    out.put_u8(Membership::FORMAT);
    out.put_u32_le(membership.len() as u32);
    out.put_slice(&membership);
}

/// All writes of a payload, or what is wrong with it.
pub(super) fn decode(payload: &[u8]) -> Result<Vec<Op<'_>>, &'static str> {
    let mut reader = Reader { rest: payload };
    let mut ops = Vec::new();
    while !reader.rest.is_empty() {
        ops.push(match reader.u8()? {
            BALLOT => Op::Ballot(reader.ballot()?),
            APPEND => {
                let count = reader.u32()? as usize;
                let mut entries = Vec::with_capacity(count.min(reader.rest.len() / ENTRY_HEADER));
                for _ in 0..count {
                    entries.push(reader.entry()?);
                }
                Op::Append(entries)
            }
            PURGE => Op::Purge(reader.meta()?),
            RESET => Op::Reset(reader.meta()?),
            _ => return Err("it holds a write of an unknown kind"),
        });
    }
    Ok(ops)
}

/// Takes numbers and bytes off the front.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or("what it holds is cut off")?;
        self.rest = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, &'static str> {
        Ok(self.take(1)?.get_u8())
    }

    pub(super) fn u32(&mut self) -> Result<u32, &'static str> {
        Ok(self.take(4)?.get_u32_le())
    }

    pub(super) fn u64(&mut self) -> Result<u64, &'static str> {
        Ok(self.take(8)?.get_u64_le())
    }

    pub(super) fn position(&mut self) -> Result<Position, &'static str> {
        Ok(Position { term: Term(self.u64()?), index: Index(self.u64()?) })
    }

    pub(super) fn ballot(&mut self) -> Result<Ballot, &'static str> {
        let term = Term(self.u64()?);
        let voted = self.u8()? != 0;
        let vote = Some(NodeId(self.u64()?)).filter(|_| voted);
        Ok(Ballot { term, vote })
    }

    pub(super) fn meta(&mut self) -> Result<SnapshotMeta, &'static str> {
        let position = self.position()?;
        let format = self.u8()?;
        let length = self.u32()? as usize;
        let membership = Membership::decode(format, self.take(length)?)
            .map_err(|_| "it holds a membership that cannot be decoded")?;
        Ok(SnapshotMeta { position, membership })
    }

    fn entry(&mut self) -> Result<RawEntry<'a>, &'static str> {
        let Position { term, index } = self.position()?;
        let kind = EntryKind(self.u8()?);
        let format = self.u8()?;
        let length = self.u32()? as usize;
        Ok(RawEntry { term, index, kind, format, payload: self.take(length)? })
    }
}
