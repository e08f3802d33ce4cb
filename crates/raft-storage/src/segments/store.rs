//! The log store on segments: what happens on a write.

use std::io;
use std::sync::Arc;

use raft_core::{Ballot, Index, LogSummary, NodeId, SnapshotMeta};

use super::committed::CommitNote;
use super::create::{create_folder, create_segment};
use super::frame::{self, FrameHeader, SECTOR};
use super::group::{ENTRY_BYTES, FRAME_BYTES, Piece, split};
use super::index::{Place, Readable};
use super::reader::SharedIndex;
use super::recovery::{self, Recovered};
use super::scan::{Chain, SegmentFile};
use super::segment::{SegmentHeader, SegmentName};
use crate::error::StorageError;
use crate::files::{Files, Lock};
use crate::folder::{self, FolderId};
use crate::log_store::{LogReader, LogStore, LogWrite, RecoveredLog};
use crate::random::Random;

/// What a log on segments is opened with.
#[derive(Clone, Debug)]
pub struct SegmentsConfig {
    /// Whose log it is.
    pub node: NodeId,
    /// In which cluster.
    pub cluster: u64,
    /// Random and fresh at each start: the folder's and the segments' ids come from it.
    pub seed: u64,
    /// How long a segment is, in bytes; longer where a single group needs it.
    pub segment_bytes: u64,
    /// What a new log starts after. An existing log has its own start.
    pub bootstrap: SnapshotMeta,
    /// A bug to commit on purpose.
    #[cfg(feature = "planted-bugs")]
    pub planted: Option<crate::Bug>,
}

impl SegmentsConfig {
    /// The default of [`SegmentsConfig::segment_bytes`].
    pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

    /// A configuration with the default length of segments.
    pub fn new(node: NodeId, cluster: u64, seed: u64, bootstrap: SnapshotMeta) -> SegmentsConfig {
        let segment_bytes = SegmentsConfig::SEGMENT_BYTES;
        SegmentsConfig {
            node,
            cluster,
            seed,
            segment_bytes,
            bootstrap,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }
}

/// A [`LogStore`] on plain files; see the [module](super).
pub struct SegmentLog {
    files: Arc<dyn Files>,
    _lock: Box<dyn Lock>,
    storage: u64,
    segment_bytes: u64,
    random: Random,
    recovered: RecoveredLog,
    ballot: Ballot,
    log: LogSummary,
    index: SharedIndex,
    /// In order; the last one is written to.
    segments: Vec<SegmentFile>,
    /// Where in it the next frame belongs.
    end: u64,
    chain: Chain,
    /// Whether an idle marker lies at the end.
    marked: bool,
    note: CommitNote,
    failed: bool,
    buffer: Vec<u8>,
    #[cfg(feature = "planted-bugs")]
    planted: Option<crate::Bug>,
}

impl SegmentLog {
    /// Opens the log in a folder, or creates it there. A last group that nothing
    /// shows to have been synced is cut off if it is not whole; what is found is
    /// durable on return.
    ///
    /// # Errors
    ///
    /// [`StorageError::Refused`] if the folder is in use, another node's or
    /// cluster's, or of a newer format; [`StorageError::Corrupt`] or
    /// [`StorageError::BrokenLog`] if anything is missing or damaged that may
    /// have been synced; otherwise if the disk refuses.
    pub fn open(files: Arc<dyn Files>, config: SegmentsConfig) -> Result<SegmentLog, StorageError> {
        let lock = folder::lock(&*files)?;
        let mut random = Random::new(config.seed);
        let storage = match FolderId::read(&*files)? {
            Some(id) => {
                id.check(&*files, config.node, config.cluster)?;
                id.storage
            }
            None => create_folder(&*files, &config, &mut random)?,
        };
        let Recovered { ballot, log, index, segments, end, chain, marked, cut_off_bytes } =
            recovery::recover(&*files, storage)?;
        let note = CommitNote::open(&*files, storage)?;
        let base = log.base().index;
        let committed = note.noted().unwrap_or(base).clamp(base, log.last().index);
        let mut store = SegmentLog {
            files,
            _lock: lock,
            storage,
            segment_bytes: config.segment_bytes,
            random,
            recovered: RecoveredLog { ballot, log: log.clone(), committed, cut_off_bytes },
            ballot,
            log,
            index: SharedIndex::new(index),
            segments,
            end,
            chain,
            marked,
            note,
            failed: false,
            buffer: Vec::new(),
            #[cfg(feature = "planted-bugs")]
            planted: config.planted,
        };
        store.remove_superseded()?;
        Ok(store)
    }

    /// The folder's random id, drawn when it was created.
    pub fn storage_id(&self) -> u64 {
        self.storage
    }

    /// Runs a step that changes the disk; after an error there is no other.
    fn guarded(
        &mut self,
        step: impl FnOnce(&mut SegmentLog) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        if self.failed {
            return Err(StorageError::refused_after_error(self.files.describe("")));
        }
        let done = step(self);
        self.failed = done.is_err();
        done
    }

    fn write_group(&mut self, group: &[LogWrite]) -> Result<(), StorageError> {
        for entry in group.iter().flat_map(|write| match write {
            LogWrite::Append(entries) => &entries[..],
            _ => &[],
        }) {
            if entry.payload.len() > ENTRY_BYTES {
                let length = entry.payload.len();
                return Err(self.misuse(format!(
                    "entry {} holds {length} bytes; {ENTRY_BYTES} are the most",
                    entry.index
                )));
            }
        }
        for pieces in split(group, FRAME_BYTES) {
            self.write_frame(&pieces)?;
        }
        self.remove_superseded()
    }

    fn write_frame(&mut self, pieces: &[Piece<'_>]) -> Result<(), StorageError> {
        let mut bytes = std::mem::take(&mut self.buffer);
        frame::begin(&mut bytes);
        pieces.iter().for_each(|piece| piece.put(&mut bytes));
        let room = frame::room_for(frame::payload_length(&bytes));
        // There is always room left for a marker behind.
        if self.end + room + SECTOR > self.active().length {
            self.begin_segment(room)?;
        }
        for piece in pieces {
            self.perform(piece)?;
        }
        let header = FrameHeader { seq: self.chain.next_seq, ..self.marker_header() };
        let checksum = frame::finish(&mut bytes, &header);
        let active = self.active();
        let failed = |operation, error| StorageError::io(operation, active.shown.clone(), error);
        active.file.write_at(self.end, &bytes).map_err(|error| failed("write", error))?;
        if self.syncs() {
            active.file.sync().map_err(|error| failed("sync", error))?;
        }
        self.publish(pieces);
        self.end += room;
        self.chain = Chain { next_seq: header.seq + 1, previous: checksum };
        self.marked = false;
        self.buffer = bytes;
        Ok(())
    }

    /// Whether a group counts only once it is synced: always.
    #[cfg(not(feature = "planted-bugs"))]
    fn syncs(&self) -> bool {
        true
    }

    /// Whether a group counts only once it is synced.
    #[cfg(feature = "planted-bugs")]
    fn syncs(&self) -> bool {
        self.planted != Some(crate::Bug::SkipsSync)
    }

    fn mark(&mut self) -> Result<(), StorageError> {
        if self.marked {
            return Ok(());
        }
        let marker = frame::marker(&self.marker_header());
        let active = self.active();
        active
            .file
            .write_at(self.end, &marker)
            .map_err(|error| StorageError::io("write", active.shown.clone(), error))?;
        self.marked = true;
        Ok(())
    }

    /// The header of a marker behind the last frame.
    fn marker_header(&self) -> FrameHeader {
        let durable = self.chain.next_seq - 1;
        let segment = self.active().name.id;
        FrameHeader { segment, seq: durable, durable, previous: self.chain.previous }
    }

    /// Takes a write into what is known of the log, or says why it makes no sense.
    fn perform(&mut self, piece: &Piece<'_>) -> Result<(), StorageError> {
        match piece {
            Piece::Ballot(ballot) => self.ballot = **ballot,
            Piece::Append([]) => return Err(self.misuse("an append without entries".to_owned())),
            Piece::Append(entries) => {
                for entry in *entries {
                    self.log.append(entry).map_err(|broken| StorageError::BrokenLog {
                        file: self.files.describe(""),
                        broken,
                    })?;
                }
            }
            Piece::Purge(meta) => {
                if !self.log.holds(meta.position) {
                    return Err(self.misuse(format!("the log does not hold {}", meta.position)));
                }
                self.log.purge(meta.position.index);
            }
            Piece::Reset(meta) => self.log = LogSummary::new((*meta).clone()),
        }
        Ok(())
    }

    /// Lets the readers see a frame that is durable.
    fn publish(&self, pieces: &[Piece<'_>]) {
        let (segment, offset) = (self.active().name.first_seq, self.end);
        let mut index = self.index.lock();
        for (op, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Append([first, .., last]) | Piece::Append([first @ last]) => {
                    index.append(first.index, last.index, Place { segment, offset, op });
                }
                Piece::Append([]) | Piece::Ballot(_) => {}
                Piece::Purge(meta) => index.purge(meta.position.index),
                Piece::Reset(meta) => index.reset(meta.position.index),
            }
        }
    }

    /// Begins a segment that has room for such a frame; durable on return.
    fn begin_segment(&mut self, room: u64) -> Result<(), StorageError> {
        let base = self.log.base().index;
        let mut header = SegmentHeader {
            storage: self.storage,
            name: SegmentName { first_seq: self.chain.next_seq, id: self.random.next() },
            length: 0,
            previous: self.chain.previous,
            ballot: self.ballot,
            last: self.log.last(),
            base: self.log.meta_at(base).expect("a log knows its base"),
        };
        let header_room = header.encode().len() as u64;
        header.length =
            self.segment_bytes.max(header_room + room + SECTOR).next_multiple_of(SECTOR);
        let segment = create_segment(&*self.files, &header)?;
        self.index.lock().add_segment(
            segment.name.first_seq,
            Readable {
                id: segment.name.id,
                name: segment.shown.clone(),
                file: segment.file.clone(),
            },
        );
        self.segments.push(segment);
        self.end = header_room;
        self.marked = false;
        Ok(())
    }

    /// Removes the segments before the first one that holds an entry of the log.
    /// Each removal is made durable before the next, so that whatever a crash
    /// leaves is the log's end without a gap.
    fn remove_superseded(&mut self) -> Result<(), StorageError> {
        let active = self.active().name.first_seq;
        let oldest = self.index.lock().oldest_segment().unwrap_or(active);
        let count = self.segments.partition_point(|segment| segment.name.first_seq < oldest);
        if count == 0 {
            return Ok(());
        }
        self.index.lock().remove_segments_before(oldest);
        for segment in self.segments.drain(..count) {
            let failed = |error| StorageError::io("remove", segment.shown.clone(), error);
            self.files.retire(&segment.name.to_file(), segment.file).map_err(failed)?;
            self.files.sync_folder("").map_err(failed)?;
        }
        Ok(())
    }

    fn active(&self) -> &SegmentFile {
        self.segments.last().expect("a log has a segment to write to")
    }

    fn misuse(&self, what: String) -> StorageError {
        let source = io::Error::new(io::ErrorKind::InvalidInput, what);
        StorageError::io("write", self.files.describe(""), source)
    }
}

impl LogStore for SegmentLog {
    fn recovered(&self) -> &RecoveredLog {
        &self.recovered
    }

    fn write(&mut self, group: &[LogWrite]) -> Result<(), StorageError> {
        self.guarded(|store| store.write_group(group))
    }

    fn idle(&mut self) -> Result<(), StorageError> {
        self.guarded(SegmentLog::mark)
    }

    fn note_committed(&mut self, index: Index) -> Result<(), StorageError> {
        self.guarded(|store| {
            let index = index.min(store.log.last().index);
            store.note.write(&*store.files, index)
        })
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        Arc::new(self.index.clone())
    }

    fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }
}
