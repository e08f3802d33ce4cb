//! Gives the space of removed files back, a little at a time.
//!
//! A file system frees a file's space within its journal, and whoever syncs another
//! file waits for it: about 15 ms for 64 MB, and half a second for an old log of a
//! gigabyte. So a file that was removed is held open, which keeps its space taken,
//! and given back in its turn. Should the process end, the system gives all back.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::files;

/// How much is given back at a time, where nobody reads the file, in bytes.
const PIECE: u64 = 1024 * 1024;

/// How long to wait after a piece: 128 MB a second.
const PAUSE: Duration = Duration::from_millis(8);

/// How much waits at most; what is beyond is given back at once. In bytes, and in
/// files, each of which holds a descriptor.
const MOST_BYTES: u64 = 2 * 1024 * 1024 * 1024;
const MOST_FILES: usize = 128;

/// How often one looks whether the last reader is gone, a pause in between.
const LOOKS: u32 = 100;

static WAITING: Mutex<Waiting> =
    Mutex::new(Waiting { files: VecDeque::new(), bytes: 0, served: false });

struct Waiting {
    files: VecDeque<Removed>,
    bytes: u64,
    /// Whether a thread is there that gives back what waits.
    served: bool,
}

/// A file without a name.
struct Removed {
    file: File,
    bytes: u64,
    /// Held by all who read the file, if that is known.
    handle: Option<Arc<dyn files::File>>,
}

/// Gives the space of a file back that has lost its name. With the handle that all
/// its readers share it is done piece by piece, once they have dropped it.
pub(super) fn give_back(file: File, handle: Option<Arc<dyn files::File>>) {
    let bytes = file.metadata().map_or(0, |metadata| bytes_of(&metadata));
    let mut waiting = lock();
    let full = waiting.files.len() >= MOST_FILES || waiting.bytes + bytes > MOST_BYTES;
    if bytes <= PIECE || full {
        return;
    }
    if !waiting.served {
        let server = thread::Builder::new().name("balsa-free".to_owned()).spawn(serve);
        waiting.served = server.is_ok();
    }
    if waiting.served {
        waiting.bytes += bytes;
        waiting.files.push_back(Removed { file, bytes, handle });
    }
}

/// Gives back at once what waits: the disk is full. Whether there was something.
pub(super) fn give_all_back() -> bool {
    let mut waiting = lock();
    waiting.bytes = 0;
    let files = std::mem::take(&mut waiting.files);
    drop(waiting);
    !files.is_empty()
}

/// Gives back what waits, and ends when nothing does.
fn serve() {
    loop {
        let mut waiting = lock();
        let Some(removed) = waiting.files.pop_front() else {
            waiting.served = false;
            return;
        };
        waiting.bytes -= removed.bytes;
        drop(waiting);
        removed.give_back();
    }
}

impl Removed {
    fn give_back(self) {
        let mut left = self.bytes;
        if self.nobody_reads() {
            while left > PIECE {
                left -= PIECE;
                // What cannot be cut off goes with the rest.
                let _ = self.file.set_len(left);
                thread::sleep(PAUSE);
            }
        }
        drop(self.file);
        thread::sleep(PAUSE * u32::try_from(left / PIECE).unwrap_or(u32::MAX));
    }

    fn nobody_reads(&self) -> bool {
        let Some(handle) = &self.handle else { return false };
        (0..LOOKS).any(|look| {
            if look > 0 {
                thread::sleep(PAUSE);
            }
            Arc::strong_count(handle) == 1
        })
    }
}

/// How many bytes the file's last name took with it.
fn bytes_of(metadata: &Metadata) -> u64 {
    if metadata.nlink() == 0 { metadata.len() } else { 0 }
}

fn lock() -> MutexGuard<'static, Waiting> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}
