//! Reads a file from front to back in large pieces.

use std::io;
use std::sync::Arc;

use crate::files::File;

/// How much is read at a time, in bytes.
const PIECE: u64 = 1024 * 1024;

/// A file with the piece of it that was read last.
pub(super) struct Window {
    file: Arc<dyn File>,
    length: u64,
    piece: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub(super) fn new(file: Arc<dyn File>) -> io::Result<Window> {
        let length = file.length()?;
        Ok(Window { file, length, piece: PIECE, start: 0, bytes: Vec::new() })
    }

    /// For reading a little: no more than `piece` at a time unless asked for.
    pub(super) fn with_piece(file: Arc<dyn File>, piece: u64) -> io::Result<Window> {
        Ok(Window { piece, ..Window::new(file)? })
    }

    /// The file's length when the window was made.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The bytes of a range that lies within the length.
    pub(super) fn get(&mut self, offset: u64, length: u64) -> io::Result<&[u8]> {
        let end = self.start + self.bytes.len() as u64;
        if offset < self.start || offset + length > end {
            let wanted = length.max(self.piece).min(self.length.saturating_sub(offset));
            let wanted = wanted.max(length);
            self.bytes.resize(wanted as usize, 0);
            self.start = offset;
            if let Err(error) = self.file.read_at(offset, &mut self.bytes) {
                self.bytes.clear();
                return Err(error);
            }
        }
        let from = (offset - self.start) as usize;
        Ok(&self.bytes[from..from + length as usize])
    }
}
