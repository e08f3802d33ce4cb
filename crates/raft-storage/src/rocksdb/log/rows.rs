//! The rows of the log.
//!
//! Keys are a letter and a number, big-endian, so that they sort as numbers do.
//! Numbers in values are little-endian.
//!
//! ```text
//!   e index u64   group u64, term u64, kind u8, format u8, payload, checksum
//!   g number u64  previous u32, checksum of the group u32, checksum
//!   h             number u64, checksum of the group u32,
//!                 ballot: term u64, has-vote u8, vote u64,
//!                 end: term u64, index u64, base: meta, checksum
//! ```
//!
//! The last `checksum` of each is the CRC-32C of the key and all before it. A meta
//! is laid out in `encoding`.

use bytes::{BufMut, Bytes};
use raft_core::{Ballot, Entry, EntryKind, Index, NodeId, Position, SnapshotMeta, Term};

use crate::encoding::{Reader, put_meta, put_position};

const ENTRY: u8 = b'e';
const GROUP: u8 = b'g';

/// The key of the head.
pub(super) const HEAD: &[u8] = b"h";

/// The bytes that end each row.
const CHECKSUM: usize = 4;

/// The key of an entry.
pub(super) fn entry_key(index: Index) -> [u8; 9] {
    key(ENTRY, index.0)
}

/// The key of a group.
pub(super) fn group_key(number: u64) -> [u8; 9] {
    key(GROUP, number)
}

/// The first key behind all entries.
pub(super) const ENTRIES_END: &[u8] = &[ENTRY + 1];

/// The first key behind all groups.
pub(super) const GROUPS_END: &[u8] = &[GROUP + 1];

/// A group in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) number: u64,
    pub(super) previous: u32,
    pub(super) checksum: u32,
}

/// What the log is after its last group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) group: Group,
    pub(super) ballot: Ballot,
    pub(super) end: Position,
    pub(super) base: SnapshotMeta,
}

/// An entry and the number of the group that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntryRow {
    pub(super) group: u64,
    pub(super) entry: Entry,
    pub(super) checksum: u32,
}

impl Head {
    /// The checksum of the group that leaves this head, with the entries that it
    /// wrote and that are still there: index and checksum of each, in order.
    pub(super) fn sum(&self, written: impl Iterator<Item = (Index, u32)>) -> u32 {
        let mut covered = Vec::new();
        covered.put_u32_le(self.group.previous);
        covered.put_u64_le(self.group.number);
        self.put_state(&mut covered);
        for (index, checksum) in written {
            covered.put_u64_le(index.0);
            covered.put_u32_le(checksum);
        }
        crc32c::crc32c(&covered)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_u64_le(self.group.number);
        out.put_u32_le(self.group.checksum);
        self.put_state(&mut out);
        finish(HEAD, &mut out);
        out
    }

    /// Decodes a head, without the checksum of the group before.
    pub(super) fn decode(row: &[u8]) -> Result<Head, &'static str> {
        let mut reader = Reader { rest: check(HEAD, row)?.0 };
        let (number, checksum) = (reader.u64()?, reader.u32()?);
        let term = Term(reader.u64()?);
        let voted = reader.u8()? != 0;
        let vote = Some(NodeId(reader.u64()?)).filter(|_| voted);
        let ballot = Ballot { term, vote };
        let end = reader.position()?;
        let base = reader.meta()?;
        at_end(&reader)?;
        Ok(Head { group: Group { number, previous: 0, checksum }, ballot, end, base })
    }

    fn put_state(&self, out: &mut Vec<u8>) {
        out.put_u64_le(self.ballot.term.0);
        out.put_u8(u8::from(self.ballot.vote.is_some()));
        out.put_u64_le(self.ballot.vote.unwrap_or_default().0);
        put_position(out, &self.end);
        put_meta(out, &self.base);
    }
}

impl Group {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_u32_le(self.previous);
        out.put_u32_le(self.checksum);
        finish(&group_key(self.number), &mut out);
        out
    }

    pub(super) fn decode(key: &[u8], row: &[u8]) -> Result<Group, &'static str> {
        let number = number_of(key)?;
        let mut reader = Reader { rest: check(key, row)?.0 };
        let group = Group { number, previous: reader.u32()?, checksum: reader.u32()? };
        at_end(&reader)?;
        Ok(group)
    }
}

/// The row of an entry, and its checksum.
pub(super) fn encode_entry(group: u64, entry: &Entry) -> (Vec<u8>, u32) {
    let mut out = Vec::with_capacity(entry.payload.len() + 22);
    out.put_u64_le(group);
    out.put_u64_le(entry.term.0);
    out.put_u8(entry.kind.0);
    out.put_u8(entry.format);
    out.put_slice(&entry.payload);
    let checksum = finish(&entry_key(entry.index), &mut out);
    (out, checksum)
}

pub(super) fn decode_entry(key: &[u8], row: &[u8]) -> Result<EntryRow, &'static str> {
    let index = Index(number_of(key)?);
    let (body, checksum) = check(key, row)?;
    let mut reader = Reader { rest: body };
    let group = reader.u64()?;
    let term = Term(reader.u64()?);
    let kind = EntryKind(reader.u8()?);
    let format = reader.u8()?;
    let payload = Bytes::copy_from_slice(reader.rest);
    Ok(EntryRow { group, entry: Entry { term, index, kind, format, payload }, checksum })
}

fn key(kind: u8, number: u64) -> [u8; 9] {
    let mut key = [kind; 9];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}

fn number_of(key: &[u8]) -> Result<u64, &'static str> {
    let number = key.get(1..).and_then(|number| number.try_into().ok());
    number.map(u64::from_be_bytes).ok_or("a row's key has another length")
}

/// Ends a row with its checksum.
fn finish(key: &[u8], row: &mut Vec<u8>) -> u32 {
    let checksum = crc32c::crc32c_append(crc32c::crc32c(key), row);
    row.put_u32_le(checksum);
    checksum
}

/// What a row holds before its checksum, and that.
fn check<'a>(key: &[u8], row: &'a [u8]) -> Result<(&'a [u8], u32), &'static str> {
    let (body, checksum) = row.split_last_chunk::<CHECKSUM>().ok_or("a row is cut off")?;
    let checksum = u32::from_le_bytes(*checksum);
    if crc32c::crc32c_append(crc32c::crc32c(key), body) != checksum {
        return Err("a row's checksum does not match");
    }
    Ok((body, checksum))
}

fn at_end(reader: &Reader<'_>) -> Result<(), &'static str> {
    if reader.rest.is_empty() { Ok(()) } else { Err("a row is too long") }
}

#[cfg(test)]
mod tests {
    use raft_core::Membership;

    use super::*;

    fn head() -> Head {
        let membership = Membership::of_voters([NodeId(1)]);
        Head {
            group: Group { number: 5, previous: 0, checksum: 9 },
            ballot: Ballot { term: Term(3), vote: Some(NodeId(2)) },
            end: Position::new(3, 12),
            base: SnapshotMeta { position: Position::new(1, 4), membership },
        }
    }

    #[test]
    fn rows_are_read_back_and_every_flipped_bit_is_found() {
        let entry = Entry {
            term: Term(3),
            index: Index(12),
            kind: EntryKind::COMMAND,
            format: 1,
            payload: Bytes::from_static(b"do"),
        };
        let group = Group { number: 7, previous: 1, checksum: 2 };
        let (row, checksum) = encode_entry(5, &entry);
        let found = decode_entry(&entry_key(Index(12)), &row).unwrap();
        assert_eq!(found, EntryRow { group: 5, entry, checksum });
        assert_eq!(Group::decode(&group_key(7), &group.encode()).unwrap(), group);
        assert_eq!(Head::decode(&head().encode()).unwrap(), head());
        all_flips(&row, |row| decode_entry(&entry_key(Index(12)), row).is_err());
        all_flips(&group.encode(), |row| Group::decode(&group_key(7), row).is_err());
        all_flips(&head().encode(), |row| Head::decode(row).is_err());
        decode_entry(&entry_key(Index(13)), &row).unwrap_err();
    }

    #[test]
    fn the_format_is_pinned() {
        let hex = |row: &[u8]| -> String { row.iter().map(|byte| format!("{byte:02x}")).collect() };
        assert_eq!(hex(&head().encode()), HEAD_GOLDEN);
        assert_eq!(
            hex(&Group { number: 7, previous: 1, checksum: 2 }.encode()),
            "010000000200000045cf3d12"
        );
    }

    const HEAD_GOLDEN: &str = "050000000000000009000000030000000000000001020000000000000003000000000000000c00\
         000000000000010000000000000004000000000000000132000000010000000100000000000000\
         00000000000000000000000000010000000100000000000000000000000000000000000000008f\
         d3d75e";

    fn all_flips(row: &[u8], refused: impl Fn(&[u8]) -> bool) {
        for at in 0..row.len() * 8 {
            let mut flipped = row.to_vec();
            flipped[at / 8] ^= 1 << (at % 8);
            assert!(refused(&flipped), "bit {at}");
        }
        for length in 0..row.len() {
            assert!(refused(&row[..length]), "the first {length} bytes");
        }
    }
}
