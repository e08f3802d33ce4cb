//! Reads one segment from its header to its end, and looks at what lies behind.

use std::io;
use std::sync::Arc;

use super::frame::{self, Frame, SECTOR, Slot};
use super::segment::{SegmentHeader, SegmentName};
use super::window::Window;
use crate::error::StorageError;
use crate::files::{File, Files};

/// A segment's file.
#[derive(Clone)]
pub(super) struct SegmentFile {
    pub(super) name: SegmentName,
    pub(super) file: Arc<dyn File>,
    /// The file's whole name, for messages.
    pub(super) shown: String,
    /// In bytes.
    pub(super) length: u64,
}

/// How far the unbroken chain of frames goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    /// The number of the frame that comes next.
    pub(super) next_seq: u64,
    /// The checksum of the one before it.
    pub(super) previous: u32,
}

/// Where the unbroken chain of frames in a segment ends.
pub(super) struct End {
    /// Where the next frame belongs.
    pub(super) offset: u64,
    /// What was written last: offset and room of the last frame, or of the
    /// header if there is none.
    pub(super) last: (u64, u64),
    /// Whether an idle marker lies at the end.
    pub(super) marked: bool,
    /// What is wrong with what lies at the end, if something does that is no
    /// marker and no frame.
    pub(super) bad: Option<&'static str>,
}

/// What lies behind the end.
#[derive(Default)]
pub(super) struct Behind {
    /// Where a whole frame or marker lies: the end is not the end.
    pub(super) evidence: Option<u64>,
    /// Start of the first and end of the last sector that is not all zeros.
    pub(super) residue: Option<(u64, u64)>,
}

impl SegmentFile {
    pub(super) fn open(files: &dyn Files, name: SegmentName) -> Result<SegmentFile, StorageError> {
        let shown = files.describe(&name.to_file());
        let failed = |error| StorageError::io("open", shown.clone(), error);
        let file = files.open(&name.to_file()).map_err(failed)?;
        let length = file.length().map_err(failed)?;
        Ok(SegmentFile { name, file, shown, length })
    }

    /// Reads the header. The inner error says that the header is not whole: the
    /// segment was not finished, or it is damaged.
    ///
    /// # Errors
    ///
    /// If the disk refuses, or the header is whole and another segment's.
    pub(super) fn header(
        &self,
        storage: u64,
    ) -> Result<Result<SegmentHeader, &'static str>, StorageError> {
        let failed = |error| StorageError::io("read", self.shown.clone(), error);
        let mut start = [0; SegmentHeader::START];
        if self.length < SECTOR {
            return Ok(Err("it is shorter than a header"));
        }
        self.file.read_at(0, &mut start).map_err(failed)?;
        let size = SegmentHeader::size(&start);
        if SegmentHeader::room(size) > self.length {
            return Ok(Err("its header is longer than the file"));
        }
        let mut bytes = vec![0; size as usize];
        self.file.read_at(0, &mut bytes).map_err(failed)?;
        let header = match SegmentHeader::decode(&bytes) {
            Ok(header) => header,
            Err(what) => return Ok(Err(what)),
        };
        if header.storage != storage || header.name != self.name {
            let what = "its header is that of another segment: the file was moved here".to_owned();
            return Err(self.corrupt(0, None, what));
        }
        if header.length != self.length {
            return Ok(Err("its length is not the one that its header says"));
        }
        Ok(Ok(header))
    }

    /// Reads the frames that continue the chain, from an offset on.
    pub(super) fn scan(
        &self,
        header_room: u64,
        chain: &mut Chain,
        mut take: impl FnMut(u64, &Frame) -> Result<(), StorageError>,
    ) -> Result<End, StorageError> {
        let failed = |error| StorageError::io("read", self.shown.clone(), error);
        let mut window = Window::new(self.file.clone()).map_err(failed)?;
        let mut end = End { offset: header_room, last: (0, header_room), marked: false, bad: None };
        loop {
            let slot = frame::read(&mut window, end.offset, self.name.id).map_err(failed)?;
            match slot {
                Slot::Frame(frame)
                    if frame.header.seq == chain.next_seq
                        && frame.header.previous == chain.previous =>
                {
                    take(end.offset, &frame)?;
                    chain.next_seq += 1;
                    chain.previous = frame.checksum;
                    end.last = (end.offset, frame.room);
                    end.offset += frame.room;
                }
                Slot::Marker(marker)
                    if marker.seq.checked_add(1) == Some(chain.next_seq)
                        && marker.previous == chain.previous =>
                {
                    end.marked = true;
                    return Ok(end);
                }
                Slot::Frame(_) | Slot::Marker(_) => {
                    end.bad = Some("a frame does not continue the one before it");
                    return Ok(end);
                }
                Slot::Bad(what) => {
                    end.bad = Some(what);
                    return Ok(end);
                }
                Slot::Empty => return Ok(end),
            }
        }
    }

    /// Looks at everything from an offset on.
    pub(super) fn behind(&self, from: u64) -> Result<Behind, StorageError> {
        self.look_behind(from).map_err(|error| StorageError::io("read", self.shown.clone(), error))
    }

    /// A damage in this file.
    pub(super) fn corrupt(
        &self,
        offset: u64,
        index: Option<raft_core::Index>,
        what: String,
    ) -> StorageError {
        StorageError::Corrupt {
            file: self.shown.clone(),
            offset,
            index,
            what,
            way_out: StorageError::REPLACE_MEMBER,
        }
    }

    fn look_behind(&self, from: u64) -> io::Result<Behind> {
        let mut window = Window::new(self.file.clone())?;
        let mut behind = Behind::default();
        let mut offset = from;
        while offset + SECTOR <= self.length {
            if window.get(offset, SECTOR)?.iter().any(|byte| *byte != 0) {
                let start = behind.residue.map_or(offset, |(start, _)| start);
                behind.residue = Some((start, offset + SECTOR));
                let slot = frame::read(&mut window, offset, self.name.id)?;
                if behind.evidence.is_none() && matches!(slot, Slot::Frame(_) | Slot::Marker(_)) {
                    behind.evidence = Some(offset);
                }
            }
            offset += SECTOR;
        }
        Ok(behind)
    }
}
