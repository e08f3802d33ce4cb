//! A segment: one file of the log.
//!
//! ```text
//!   header            frame      frame      marker    zeros
//!   ├─────────────────┼──────────┼──────────┼─────────┼────────────────┤ length
//!   0                 each at a multiple of 512
//! ```
//!
//! The header restates everything that older segments said and that is still
//! true (ballot and base), so that they can be removed. All numbers
//! little-endian:
//!
//! ```text
//!    0  magic      8 bytes  "BALSASEG"
//!    8  format     u32      1
//!   12  size       u32      of the header, checksum included, without the zeros behind it
//!   16  storage    u64      the folder's id
//!   24  segment    u64      the segment's id, drawn at random; also in its name
//!   32  first seq  u64      the number of its first frame; also in its name
//!   40  length     u64      of the file
//!   48  previous   u32      the checksum of the last frame of the segment before
//!   52  ballot              term u64, has-vote u8, vote u64
//!   69  last                term u64, index u64: the log's last position
//!   85  base                term u64, index u64, membership format u8, length u32, membership
//!    n  checksum   u32      CRC-32C of everything before
//! ```
//!
//! The file's name, `<first seq>-<segment>.log` in hexadecimal, proves that all
//! frames before its first are durable: it is created after they were synced.

use bytes::BufMut;
use raft_core::{Ballot, Position, SnapshotMeta};

use super::frame::SECTOR;
use super::ops::{ballot, put_ballot_body};
use crate::encoding::{Reader, put_meta, put_position};

const MAGIC: &[u8; 8] = b"BALSASEG";
const FORMAT: u32 = 1;
const FIXED: usize = 52;

/// Names a segment. Ordered as the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    pub(super) first_seq: u64,
    pub(super) id: u64,
}

impl SegmentName {
    pub(super) fn to_file(self) -> String {
        format!("{:016x}-{:016x}.log", self.first_seq, self.id)
    }

    pub(super) fn of_file(name: &str) -> Option<SegmentName> {
        let (first_seq, id) = name.strip_suffix(".log")?.split_once('-')?;
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        let parsed = SegmentName { first_seq: number(first_seq)?, id: number(id)? };
        (parsed.to_file() == name).then_some(parsed)
    }
}

/// The header of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) storage: u64,
    pub(super) name: SegmentName,
    pub(super) length: u64,
    pub(super) previous: u32,
    pub(super) ballot: Ballot,
    pub(super) last: Position,
    pub(super) base: SnapshotMeta,
}

impl SegmentHeader {
    /// The header as it lies in the file, with the zeros behind it.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![0; FIXED];
        put_ballot_body(&mut out, &self.ballot);
        put_position(&mut out, &self.last);
        put_meta(&mut out, &self.base);
        let size = out.len() + 4;
        let mut fixed = Vec::with_capacity(FIXED);
        fixed.put_slice(MAGIC);
        fixed.put_u32_le(FORMAT);
        fixed.put_u32_le(size as u32);
        fixed.put_u64_le(self.storage);
        fixed.put_u64_le(self.name.id);
        fixed.put_u64_le(self.name.first_seq);
        fixed.put_u64_le(self.length);
        fixed.put_u32_le(self.previous);
        out[..FIXED].copy_from_slice(&fixed);
        out.put_u32_le(crc32c::crc32c(&out));
        out.resize(size.next_multiple_of(SECTOR as usize), 0);
        out
    }

    /// How long the header is, as it says itself: enough to read it whole.
    pub(super) fn size(start: &[u8; FIXED]) -> u64 {
        u64::from(u32::from_le_bytes([start[12], start[13], start[14], start[15]]))
    }

    /// How many bytes [`SegmentHeader::size`] needs.
    pub(super) const START: usize = FIXED;

    /// Decodes a header of exactly its size.
    pub(super) fn decode(bytes: &[u8]) -> Result<SegmentHeader, &'static str> {
        let (body, checksum) = bytes.split_last_chunk::<4>().ok_or("its header is cut off")?;
        if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
            return Err("its header does not match its checksum");
        }
        let foreign = "its header is not that of a segment of this format";
        let mut reader = Reader { rest: body.strip_prefix(MAGIC).ok_or(foreign)? };
        if reader.u32()? != FORMAT || reader.u32()? as usize != bytes.len() {
            return Err(foreign);
        }
        let storage = reader.u64()?;
        let id = reader.u64()?;
        let first_seq = reader.u64()?;
        let header = SegmentHeader {
            storage,
            name: SegmentName { first_seq, id },
            length: reader.u64()?,
            previous: reader.u32()?,
            ballot: ballot(&mut reader)?,
            last: reader.position()?,
            base: reader.meta()?,
        };
        if reader.rest.is_empty() { Ok(header) } else { Err("its header has a rest") }
    }

    /// How much room the header takes, zeros included.
    pub(super) fn room(size: u64) -> u64 {
        size.next_multiple_of(SECTOR)
    }
}
