//! Where snapshots lie: one's own, to feed others from, and those that come in.
//!
//! A snapshot is a list of named files, whichever state machine wrote it, with a
//! [`SnapshotMeta`]. On its way to another node it is a stream of checksummed
//! [`Chunk`]s. It counts only once it is complete, verified and synced; what a
//! crash leaves unfinished is removed at the next start.

use std::path::PathBuf;

use bytes::Bytes;
use raft_core::{NodeId, SnapshotMeta, TransferId};

use crate::error::StorageError;

/// Keeps snapshots. At most two of its own exist at a time: the newest complete
/// one and the one before it or in the making.
pub trait SnapshotStore: Send + Sync {
    /// The newest complete snapshot's meta.
    fn newest(&self) -> Option<SnapshotMeta>;

    /// Begins a snapshot of the own state.
    ///
    /// # Errors
    ///
    /// If the disk refuses. The caller may try again later.
    fn create(&self) -> Result<Box<dyn SnapshotSink>, StorageError>;

    /// Opens the newest complete snapshot for reading; it stays readable until
    /// the source is dropped, whatever snapshots follow.
    ///
    /// # Errors
    ///
    /// [`StorageError::Missing`] if there is none.
    fn open_newest(&self) -> Result<Box<dyn SnapshotSource>, StorageError>;

    /// Begins to receive a snapshot aside. Whatever was received aside from the
    /// same sender before is dropped.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    fn receive(
        &self,
        from: NodeId,
        id: TransferId,
        meta: SnapshotMeta,
    ) -> Result<Box<dyn ChunkSink>, StorageError>;

    /// Opens a snapshot that was received whole.
    ///
    /// # Errors
    ///
    /// [`StorageError::Missing`] if there is no such snapshot.
    fn open_received(
        &self,
        from: NodeId,
        id: TransferId,
    ) -> Result<Box<dyn SnapshotSource>, StorageError>;

    /// Makes a received snapshot the newest one of one's own; durable on return.
    /// Sources of it stay readable. Done before the log is reset, a log that
    /// begins late always has its snapshot, whenever a crash comes.
    ///
    /// # Errors
    ///
    /// If it is not there or the disk refuses.
    fn promote(&self, from: NodeId, id: TransferId) -> Result<(), StorageError>;

    /// Drops a received snapshot, if it is there.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    fn discard(&self, from: NodeId, id: TransferId) -> Result<(), StorageError>;
}

/// Takes in the files of a snapshot that is being made. Dropped before
/// [`SnapshotSink::finish`], it leaves nothing behind.
pub trait SnapshotSink: Send {
    /// Begins a file. Names are unique, not empty, and hold no path separator.
    ///
    /// # Errors
    ///
    /// If the name is not allowed or the disk refuses.
    fn begin_file(&mut self, name: &str) -> Result<(), StorageError>;

    /// Appends to the file begun last.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError>;

    /// An empty folder on the same file system into which the state machine may
    /// put files itself (hard links of a checkpoint); they belong to the
    /// snapshot. `None` where snapshots do not lie in real folders.
    fn folder(&self) -> Option<PathBuf>;

    /// Completes the snapshot: checksums, syncs files and folder, and makes it
    /// the newest one. Older ones but the last are removed.
    ///
    /// # Errors
    ///
    /// If the disk refuses; the snapshot does not count then.
    fn finish(self: Box<Self>, meta: SnapshotMeta) -> Result<(), StorageError>;
}

/// Reads a complete snapshot.
pub trait SnapshotSource: Send {
    /// What it covers.
    fn meta(&self) -> &SnapshotMeta;

    /// The next chunk of the stream, of at most `max_bytes` (at least 1);
    /// `None` after the last one.
    ///
    /// # Errors
    ///
    /// If the disk refuses or a file no longer has its checksum.
    fn next_chunk(&mut self, max_bytes: usize) -> Result<Option<Chunk>, StorageError>;

    /// The folder in which all files lie under their names, for a state machine
    /// that links instead of copying; `None` where there is none. Good until the
    /// snapshot is promoted: ask again then.
    fn folder(&self) -> Option<PathBuf>;
}

/// Takes in the chunks of a snapshot that is being received. It notices a chunk
/// that is damaged, repeated or left out within a file; that no whole file is
/// left out is up to the transport, which numbers the chunks.
pub trait ChunkSink: Send {
    /// Takes in the next chunk.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] if its checksum does not match or it does not
    /// continue what came before; otherwise if the disk refuses.
    fn write(&mut self, chunk: &Chunk) -> Result<(), StorageError>;

    /// Ends the reception: verifies that all files are whole, and syncs. The
    /// snapshot can be opened and promoted then.
    ///
    /// # Errors
    ///
    /// If something is missing or the disk refuses; the snapshot is dropped then.
    fn finish(self: Box<Self>) -> Result<(), StorageError>;
}

/// A piece of a snapshot's stream. Files follow one another; each file's chunks
/// come in order, and an empty file has one empty chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The file's name.
    pub file: String,
    /// Where in the file the bytes belong.
    pub offset: u64,
    /// The bytes.
    pub bytes: Bytes,
    /// CRC-32C of name, offset, bytes and flags; see [`Chunk::checksum_of`].
    pub checksum: u32,
    /// Whether the file ends here.
    pub ends_file: bool,
    /// Whether the snapshot ends here.
    pub ends_snapshot: bool,
}

impl Chunk {
    /// Makes a chunk with its checksum.
    pub fn new(
        file: &str,
        offset: u64,
        bytes: Bytes,
        ends_file: bool,
        ends_snapshot: bool,
    ) -> Chunk {
        let mut chunk =
            Chunk { file: file.to_owned(), offset, bytes, checksum: 0, ends_file, ends_snapshot };
        chunk.checksum = chunk.checksum_of();
        chunk
    }

    /// The checksum that the chunk should have.
    pub fn checksum_of(&self) -> u32 {
        let sum = crc32c::crc32c(self.file.as_bytes());
        let sum = crc32c::crc32c_append(sum, &self.offset.to_le_bytes());
        let flags = [u8::from(self.ends_file), u8::from(self.ends_snapshot)];
        let sum = crc32c::crc32c_append(sum, &flags);
        crc32c::crc32c_append(sum, &self.bytes)
    }
}
