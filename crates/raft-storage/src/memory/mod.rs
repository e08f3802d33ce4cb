//! Storage in memory: for tests, for simulations, and for trying things out.
//!
//! What would be on a disk lives in a handle that outlives the store: a
//! [`MemoryDisk`] for a [`MemoryState`], a [`MemoryLogDisk`] for a [`MemoryLog`].
//! Drop the store, call `restart`, open another one on the same handle, and it
//! finds what a real one would find after a crash: what was flushed, not what
//! was only committed.
//!
//! ```text
//!   MemoryState (one life) ── flush, checkpoint, install ──▶ MemoryDisk (all lives)
//!   MemoryLog   (one life) ── write ───────────────────────▶ MemoryLogDisk
//! ```

mod disk;
mod dump;
mod log;
mod log_disk;
mod state;
mod view;

pub use disk::MemoryDisk;
pub use log::MemoryLog;
pub use log_disk::MemoryLogDisk;
pub use state::MemoryState;
