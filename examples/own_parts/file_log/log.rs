//! What the file holds.
//!
//! ```text
//!   magic     8 bytes  "FILELOG1"
//!   ballot    term u64, whether there is a vote u8, vote u64
//!   base      the meta of what the log begins after
//!   entries   to the end, each: term u64, kind u8, format u8, length u32, payload
//! ```
//!
//! All numbers are little-endian.

use bytes::{Buf, BufMut, Bytes};
use raft_core::{
    Ballot, BrokenLog, Entry, EntryKind, Index, LogSummary, NodeId, Position, SnapshotMeta, Term,
};
use raft_storage::LogWrite;

use crate::encoding::{DecodeError, put_bytes, put_meta, take_bytes, take_meta};

const MAGIC: &[u8] = b"FILELOG1";

/// Ballot and entries. A clone shares the payloads.
#[derive(Clone)]
pub struct Log {
    pub ballot: Ballot,
    /// Says of the entries what the protocol asks for.
    pub shape: LogSummary,
    /// What the log begins after. The shape knows it too, but does not give it away.
    base: SnapshotMeta,
    /// From `base.position.index + 1` on, without a gap.
    entries: Vec<Entry>,
}

/// A write that contradicts the log.
#[derive(Debug, thiserror::Error)]
pub enum Misuse {
    #[error("an append without entries")]
    Empty,
    #[error(transparent)]
    Broken(#[from] BrokenLog),
    #[error("a purge up to {0}, which the log does not hold")]
    NotHeld(Position),
}

impl Log {
    /// An empty log after `base`.
    pub fn new(base: SnapshotMeta) -> Log {
        let shape = LogSummary::new(base.clone());
        Log { ballot: Ballot::default(), shape, base, entries: Vec::new() }
    }

    /// Does one write; after an error the log is not to be used.
    pub fn perform(&mut self, write: &LogWrite) -> Result<(), Misuse> {
        match write {
            LogWrite::Ballot(ballot) => self.ballot = *ballot,
            LogWrite::Append(entries) => self.append(entries)?,
            LogWrite::Purge(meta) => {
                if !self.shape.holds(meta.position) {
                    return Err(Misuse::NotHeld(meta.position));
                }
                let gone = self.count_to(meta.position.index);
                self.entries.drain(..gone);
                self.shape.purge(meta.position.index);
                self.base = meta.clone();
            }
            LogWrite::Reset(meta) => *self = Log { ballot: self.ballot, ..Log::new(meta.clone()) },
        }
        Ok(())
    }

    /// The entries from `first` to `last`, fewer if they have more bytes than
    /// `max_bytes`, but one at least; none if `first` is not there.
    pub fn read(&self, first: Index, last: Index, max_bytes: u64) -> Vec<Entry> {
        if first < self.shape.first_index() {
            return Vec::new();
        }
        let mut bytes = 0;
        let from_first = self.entries.iter().skip(self.count_to(first.prev()));
        let wanted = from_first.take_while(|entry| entry.index <= last);
        let fitting = wanted.take_while(|entry| {
            bytes += entry.size();
            entry.index == first || bytes <= max_bytes
        });
        fitting.cloned().collect()
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_slice(MAGIC);
        out.put_u64_le(self.ballot.term.0);
        out.put_u8(self.ballot.vote.is_some().into());
        out.put_u64_le(self.ballot.vote.map_or(0, |vote| vote.0));
        put_meta(&mut out, &self.base);
        for entry in &self.entries {
            out.put_u64_le(entry.term.0);
            out.put_u8(entry.kind.0);
            out.put_u8(entry.format);
            put_bytes(&mut out, &entry.payload);
        }
        out
    }

    /// The log that the bytes are of.
    pub fn decode(mut bytes: Bytes) -> Result<Log, DecodeError> {
        if !bytes.starts_with(MAGIC) {
            return Err(DecodeError::Nonsense("it is no log of this program"));
        }
        bytes.advance(MAGIC.len());
        let term = Term(bytes.try_get_u64_le()?);
        let (has_voted, vote) = (bytes.try_get_u8()? == 1, NodeId(bytes.try_get_u64_le()?));
        let mut log = Log::new(take_meta(&mut bytes)?);
        log.ballot = Ballot { term, vote: has_voted.then_some(vote) };
        while bytes.has_remaining() {
            let entry = Entry {
                term: Term(bytes.try_get_u64_le()?),
                index: log.shape.last().index.next(),
                kind: EntryKind(bytes.try_get_u8()?),
                format: bytes.try_get_u8()?,
                payload: take_bytes(&mut bytes)?,
            };
            log.shape.append(&entry)?;
            log.entries.push(entry);
        }
        Ok(log)
    }

    fn append(&mut self, entries: &[Entry]) -> Result<(), Misuse> {
        let first = entries.first().ok_or(Misuse::Empty)?;
        self.shape.check(entries)?;
        self.entries.truncate(self.count_to(first.index.prev()));
        for entry in entries {
            self.shape.append(entry)?;
            self.entries.push(entry.clone());
        }
        Ok(())
    }

    /// How many of the entries come up to an index, which is the base's or behind it.
    fn count_to(&self, index: Index) -> usize {
        index.above(self.base.position.index) as usize
    }
}
