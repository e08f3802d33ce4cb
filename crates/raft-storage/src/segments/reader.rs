//! Reads entries of a log that is being written to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use raft_core::{Entry, Index};

use super::frame::{self, Slot};
use super::index::{Located, LogIndex};
use super::ops::{self, Op};
use super::window::Window;
use crate::error::StorageError;
use crate::log_store::LogReader;

/// How much is read at a time, in bytes.
const PIECE: u64 = 128 * 1024;

/// The index, shared between the writer and its readers. It holds what is
/// durable and nothing else.
#[derive(Clone, Default)]
pub(super) struct SharedIndex {
    index: Arc<Mutex<LogIndex>>,
}

impl SharedIndex {
    pub(super) fn new(index: LogIndex) -> SharedIndex {
        SharedIndex { index: Arc::new(Mutex::new(index)) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, LogIndex> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogReader for SharedIndex {
    fn read(&self, first: Index, last: Index, max_bytes: u64) -> Result<Vec<Entry>, StorageError> {
        let located = self.lock().locate(first).filter(|_| first <= last);
        let mut located = located.ok_or_else(|| StorageError::missing_entry(first))?;
        let mut wanted = Wanted { next: first, last, bytes: 0, max_bytes, entries: Vec::new() };
        loop {
            let open = read_span(&located, &mut wanted)?;
            let next = if open { self.lock().locate(wanted.next) } else { None };
            match next {
                // The entry that follows was replaced while this one read the
                // span before: what is read so far is an answer.
                Some(next) if next.span.first == wanted.next => located = next,
                _ => return Ok(wanted.entries),
            }
        }
    }
}

/// What is still to be read, and what is read.
struct Wanted {
    next: Index,
    last: Index,
    bytes: u64,
    max_bytes: u64,
    entries: Vec<Entry>,
}

impl Wanted {
    /// Whether more is wanted after this entry was offered.
    fn offer(&mut self, entry: ops::RawEntry<'_>) -> bool {
        if entry.index < self.next {
            return true;
        }
        let size = entry.payload.len() as u64 + Entry::OVERHEAD;
        if !self.entries.is_empty() && self.bytes + size > self.max_bytes {
            return false;
        }
        self.bytes += size;
        self.next = entry.index.next();
        self.entries.push(entry.to_entry());
        self.next <= self.last && self.bytes < self.max_bytes
    }
}

/// Reads a span's entries; true if it ended and more is wanted.
fn read_span(located: &Located, wanted: &mut Wanted) -> Result<bool, StorageError> {
    let failed = |error| StorageError::io("read", located.name.clone(), error);
    let mut window = Window::with_piece(located.file.clone(), PIECE).map_err(failed)?;
    let mut place = located.span.place;
    loop {
        let corrupt = |what: &str| StorageError::Corrupt {
            file: located.name.clone(),
            offset: place.offset,
            index: Some(wanted.next),
            what: what.to_owned(),
            way_out: StorageError::REPLACE_MEMBER,
        };
        let frame = match frame::read(&mut window, place.offset, located.id).map_err(failed)? {
            Slot::Frame(frame) => frame,
            Slot::Bad(what) => return Err(corrupt(what)),
            Slot::Marker(_) | Slot::Empty => return Err(corrupt("a frame is gone")),
        };
        let ops = ops::decode(&frame.payload).map_err(corrupt)?;
        for op in ops.iter().skip(place.op) {
            let Op::Append(entries) = op else { continue };
            for entry in entries {
                if entry.index > located.last {
                    return Ok(wanted.next <= wanted.last);
                }
                if !wanted.offer(*entry) {
                    return Ok(false);
                }
                if entry.index == located.last {
                    return Ok(true);
                }
            }
        }
        place.offset += frame.room;
        place.op = 0;
    }
}
