//! A frame: one group on the disk.
//!
//! All numbers little-endian; the picture shows offsets in bytes:
//!
//! ```text
//!    0  magic       4 bytes  "BFRM", or "BIDL" for the idle marker
//!    4  length      u32      of the payload; 0 for the marker
//!    8  segment     u64      the id of the segment it was written for
//!   16  seq         u64      its number; frames are numbered through all segments
//!   24  durable     u64      the last number known to be synced when it was written
//!   32  previous    u32      the checksum of the frame before it
//!   36  check       u32      CRC-32C of the 36 bytes before
//!   40  payload
//!    n  checksum    u32      CRC-32C of everything before
//!       zeros, up to the next multiple of 512
//! ```
//!
//! Frames begin at multiples of 512, so that a sector that goes bad takes one
//! frame with it and never a frame together with the proof that it was synced.

use std::io;

use bytes::{Buf, BufMut};

use super::window::Window;

/// Frames begin at multiples of this, the least that a disk writes at once.
pub(super) const SECTOR: u64 = 512;

const FRAME: &[u8; 4] = b"BFRM";
const MARKER: &[u8; 4] = b"BIDL";
const HEADER: usize = 40;
const TRAILER: usize = 4;

/// What a frame says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) segment: u64,
    pub(super) seq: u64,
    pub(super) durable: u64,
    pub(super) previous: u32,
}

/// What lies at a place where a frame may begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// A whole frame.
    Frame(Frame),
    /// A whole idle marker.
    Marker(FrameHeader),
    /// A sector of zeros, or the end of the segment.
    Empty,
    /// Neither.
    Bad(&'static str),
}

/// A frame whose checksums match.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) header: FrameHeader,
    pub(super) payload: Vec<u8>,
    pub(super) checksum: u32,
    /// How much room it takes, zeros included.
    pub(super) room: u64,
}

/// How much room a frame with such a payload takes.
pub(super) fn room_for(payload: usize) -> u64 {
    ((HEADER + payload + TRAILER) as u64).next_multiple_of(SECTOR)
}

/// Starts a frame in an empty buffer; the payload is put behind, and
/// [`finish`] closes it.
pub(super) fn begin(out: &mut Vec<u8>) {
    out.clear();
    out.resize(HEADER, 0);
}

/// How long the payload put so far is.
pub(super) fn payload_length(out: &[u8]) -> usize {
    out.len() - HEADER
}

/// Closes the frame and returns its checksum.
pub(super) fn finish(out: &mut Vec<u8>, header: &FrameHeader) -> u32 {
    close(out, FRAME, header)
}

/// A whole idle marker.
pub(super) fn marker(header: &FrameHeader) -> Vec<u8> {
    let mut out = Vec::new();
    begin(&mut out);
    close(&mut out, MARKER, header);
    out
}

/// Reads what lies at an offset of a segment.
pub(super) fn read(window: &mut Window, offset: u64, segment: u64) -> io::Result<Slot> {
    let room = window.length().saturating_sub(offset);
    if room < SECTOR {
        return Ok(Slot::Empty);
    }
    let sector = window.get(offset, SECTOR)?;
    if sector.iter().all(|byte| *byte == 0) {
        return Ok(Slot::Empty);
    }
    let mut rest = &sector[..HEADER];
    let magic = [rest.get_u8(), rest.get_u8(), rest.get_u8(), rest.get_u8()];
    let length = rest.get_u32_le() as usize;
    let header = FrameHeader {
        segment: rest.get_u64_le(),
        seq: rest.get_u64_le(),
        durable: rest.get_u64_le(),
        previous: rest.get_u32_le(),
    };
    if rest.get_u32_le() != crc32c::crc32c(&sector[..HEADER - 4]) {
        return Ok(Slot::Bad("a frame's header does not match its checksum"));
    }
    if header.segment != segment || (&magic != FRAME && &magic != MARKER) {
        return Ok(Slot::Bad("a frame belongs to another segment"));
    }
    if room_for(length) > room {
        return Ok(Slot::Bad("a frame is longer than its segment"));
    }
    let whole = window.get(offset, (HEADER + length + TRAILER) as u64)?;
    let (body, mut trailer) = whole.split_at(HEADER + length);
    let checksum = trailer.get_u32_le();
    if checksum != crc32c::crc32c(body) {
        return Ok(Slot::Bad("a frame does not match its checksum"));
    }
    if &magic == MARKER {
        return Ok(Slot::Marker(header));
    }
    let payload = body[HEADER..].to_vec();
    Ok(Slot::Frame(Frame { header, payload, checksum, room: room_for(length) }))
}

fn close(out: &mut Vec<u8>, magic: &[u8; 4], header: &FrameHeader) -> u32 {
    let length = payload_length(out) as u32;
    let mut head = Vec::with_capacity(HEADER);
    head.put_slice(magic);
    head.put_u32_le(length);
    head.put_u64_le(header.segment);
    head.put_u64_le(header.seq);
    head.put_u64_le(header.durable);
    head.put_u32_le(header.previous);
    head.put_u32_le(crc32c::crc32c(&head));
    out[..HEADER].copy_from_slice(&head);
    let checksum = crc32c::crc32c(out);
    out.put_u32_le(checksum);
    out.resize(out.len().next_multiple_of(SECTOR as usize), 0);
    checksum
}
