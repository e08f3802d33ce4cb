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
//! ```
//!
//! A meta is laid out in `encoding`.

use bytes::{BufMut, Bytes};
use raft_core::{Ballot, Entry, EntryKind, Index, NodeId, Position, SnapshotMeta, Term};

use crate::encoding::{Reader, put_meta};

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

/// All writes of a payload, or what is wrong with it.
pub(super) fn decode(payload: &[u8]) -> Result<Vec<Op<'_>>, &'static str> {
    let mut reader = Reader { rest: payload };
    let mut ops = Vec::new();
    while !reader.rest.is_empty() {
        ops.push(match reader.u8()? {
            BALLOT => Op::Ballot(ballot(&mut reader)?),
            APPEND => {
                let count = reader.u32()? as usize;
                let mut entries = Vec::with_capacity(count.min(reader.rest.len() / ENTRY_HEADER));
                for _ in 0..count {
                    entries.push(entry(&mut reader)?);
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

pub(super) fn ballot(reader: &mut Reader<'_>) -> Result<Ballot, &'static str> {
    let term = reader.term()?;
    let voted = reader.u8()? != 0;
    let vote = Some(NodeId(reader.u64()?)).filter(|_| voted);
    Ok(Ballot { term, vote })
}

fn entry<'a>(reader: &mut Reader<'a>) -> Result<RawEntry<'a>, &'static str> {
    let Position { term, index } = reader.position()?;
    let kind = EntryKind(reader.u8()?);
    let format = reader.u8()?;
    let length = reader.u32()? as usize;
    Ok(RawEntry { term, index, kind, format, payload: reader.take(length)? })
}
