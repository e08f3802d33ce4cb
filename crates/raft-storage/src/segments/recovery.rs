//! What a start makes of the files.
//!
//! A frame is written only after the one before it was synced. So of all frames
//! only the very last one can be half written, and only if nothing shows that it
//! was synced: no frame and no marker behind it, and no later segment (whose
//! file is created only after that sync). Then it is cut off. Everything else
//! that does not fit is damage, and what is missing may have been acknowledged:
//! the start is refused.
//!
//! ```text
//!   [frame 1][frame 2][fra▒▒▒▒]000000      cut off: nobody can know of frame 3
//!   [frame 1][fr▒▒▒ 2][frame 3]000000      refused: frame 3 shows that 2 was synced
//!   [frame 1][fr▒▒▒ 2][marker 2]00000      refused: so does the marker
//!   [frame 1][frame 2][▒▒▒▒▒▒]0000000      whole: the marker, or frame 3, is cut off
//! ```
//!
//! What was accepted at the end is written once more and synced before anybody
//! builds on it. The process before may have been killed between write and sync;
//! or its sync failed, after which the system shows pages that the disk does not
//! have and that a sync alone would not write again.

use raft_core::{Ballot, BrokenLog, Index, LogSummary};

use super::frame::SECTOR;
use super::index::{LogIndex, Place, Readable};
use super::ops;
use super::replay::Replay;
use super::scan::{Chain, End, SegmentFile};
use super::segment::{SegmentHeader, SegmentName};
use crate::error::StorageError;
use crate::files::Files;

/// How many zeros are written at a time, in bytes.
const ZEROS: usize = 256 * 1024;

/// A log that was found whole and made durable.
pub(super) struct Recovered {
    pub(super) ballot: Ballot,
    pub(super) log: LogSummary,
    pub(super) index: LogIndex,
    /// All segments, in order; the last one is written to.
    pub(super) segments: Vec<SegmentFile>,
    /// Where in it the next frame belongs.
    pub(super) end: u64,
    pub(super) chain: Chain,
    /// Whether an idle marker lies at the end.
    pub(super) marked: bool,
    pub(super) cut_off_bytes: u64,
}

/// Reads all segments, repairs an end that was never synced, and makes durable
/// what is accepted. Nothing is changed before all is found to be well.
pub(super) fn recover(files: &dyn Files, storage: u64) -> Result<Recovered, StorageError> {
    let mut segments = open_all(files)?;
    let unfinished = take_unfinished(&mut segments, storage)?;
    let Some((oldest, _)) = segments.split_first() else {
        return Err(no_segments(files));
    };
    let mut headers = Vec::new();
    for segment in &segments {
        let header = segment.header(storage)?;
        headers.push(header.map_err(|what| segment.corrupt(0, None, what.to_owned()))?);
    }
    let mut replay = Replay::new(&headers[0]);
    let mut chain = Chain { next_seq: oldest.name.first_seq, previous: headers[0].previous };
    let mut scanned = None;
    for (at, (segment, header)) in segments.iter().zip(&headers).enumerate() {
        let readable = Readable {
            id: segment.name.id,
            name: segment.shown.clone(),
            file: segment.file.clone(),
        };
        replay.index.add_segment(segment.name.first_seq, readable);
        let end = read_segment(segment, header, &mut chain, &mut replay)?;
        let next = segments.get(at + 1).map(|next| next.name).or(unfinished);
        if let Some(next) = next {
            check_reaches(segment, &end, next, &chain, &replay)?;
        }
        if let Some(header) = headers.get(at + 1)
            && (header.previous != chain.previous || !replay.agrees(header))
        {
            let what = "its header contradicts the segments before it".to_owned();
            return Err(segments[at + 1].corrupt(0, Some(replay.last_index()), what));
        }
        scanned = Some((segment, end));
    }
    let (segment, end) = scanned.expect("there is a segment");
    let cut_off = residue(segment, &end, &replay)?;
    let ballot = replay.ballot;
    let (log, index) = replay.finish().map_err(|broken| match broken {
        BrokenLog::UnknownKind(_) => StorageError::BrokenLog { file: files.describe(""), broken },
        _ => oldest.corrupt(0, None, format!("{broken}; a segment is missing")),
    })?;
    repair(segment, &end, cut_off)?;
    let (end, marked) = (end.offset, end.marked);
    clean_up(files, unfinished)?;
    let cut_off_bytes = cut_off.map_or(0, |(from, to)| to - from);
    Ok(Recovered { ballot, log, index, segments, end, chain, marked, cut_off_bytes })
}

/// The segments in a folder, in order.
pub(super) fn list(files: &dyn Files) -> Result<Vec<SegmentName>, StorageError> {
    let names =
        files.list("").map_err(|error| StorageError::io("list", files.describe(""), error))?;
    let mut names: Vec<_> = names.iter().filter_map(|name| SegmentName::of_file(name)).collect();
    names.sort();
    Ok(names)
}

/// Whether a segment holds nothing that was written after its header.
pub(super) fn is_blank(segment: &SegmentFile) -> Result<bool, StorageError> {
    Ok(segment.behind(0)?.evidence.is_none())
}

fn open_all(files: &dyn Files) -> Result<Vec<SegmentFile>, StorageError> {
    list(files)?.into_iter().map(|name| SegmentFile::open(files, name)).collect()
}

/// Takes the last segment off the list if its creation did not end: its header
/// is not whole, there is an older one, and nothing was written to it.
fn take_unfinished(
    segments: &mut Vec<SegmentFile>,
    storage: u64,
) -> Result<Option<SegmentName>, StorageError> {
    if segments.len() < 2 {
        return Ok(None);
    }
    let last = &segments[segments.len() - 1];
    let Err(what) = last.header(storage)? else { return Ok(None) };
    if !is_blank(last)? {
        return Err(last.corrupt(0, None, format!("{what}, but frames follow it")));
    }
    Ok(segments.pop().map(|segment| segment.name))
}

fn read_segment(
    segment: &SegmentFile,
    header: &SegmentHeader,
    chain: &mut Chain,
    replay: &mut Replay,
) -> Result<End, StorageError> {
    let header_room = header.encode().len() as u64;
    segment.scan(header_room, chain, |offset, frame| {
        let at_stake = Some(replay.last_index().next());
        let corrupt = |what: &str| segment.corrupt(offset, at_stake, what.to_owned());
        let ops = ops::decode(&frame.payload).map_err(corrupt)?;
        let place = Place { segment: segment.name.first_seq, offset, op: 0 };
        replay.take(&ops, place).map_err(|broken| corrupt(&broken.to_string()))
    })
}

/// A later segment exists, so all frames before it were synced: they must be there.
fn check_reaches(
    segment: &SegmentFile,
    end: &End,
    next: SegmentName,
    chain: &Chain,
    replay: &Replay,
) -> Result<(), StorageError> {
    if chain.next_seq == next.first_seq {
        return Ok(());
    }
    let what = format!(
        "{}; frame {} is missing, and the next segment begins with frame {}",
        end.bad.unwrap_or("the segment ends"),
        chain.next_seq,
        next.first_seq
    );
    Err(segment.corrupt(end.offset, Some(replay.last_index().next()), what))
}

/// What lies behind the end of the last segment and is to be zeroed, as start
/// and end.
fn residue(
    segment: &SegmentFile,
    end: &End,
    replay: &Replay,
) -> Result<Option<(u64, u64)>, StorageError> {
    let marker = if end.marked { SECTOR } else { 0 };
    let behind = segment.behind(end.offset + marker)?;
    match behind.evidence {
        None => Ok(behind.residue),
        Some(at) => {
            let what = format!(
                "{}, but what was written after it lies at byte {at}: it was synced",
                end.bad.unwrap_or("a frame is missing")
            );
            Err(segment.corrupt(end.offset, Some(replay.last_index().next()), what))
        }
    }
}

fn repair(
    segment: &SegmentFile,
    end: &End,
    residue: Option<(u64, u64)>,
) -> Result<(), StorageError> {
    let failed = |error| StorageError::io("repair", segment.shown.clone(), error);
    let (offset, room) = end.last;
    rewrite(segment, offset, room)?;
    if let Some((mut from, to)) = residue {
        let zeros = vec![0; ZEROS];
        while from < to {
            let length = (to - from).min(ZEROS as u64);
            segment.file.write_at(from, &zeros[..length as usize]).map_err(failed)?;
            from += length;
        }
    }
    // The length is accepted too, and may be no more durable than the bytes.
    rewrite(segment, segment.length - SECTOR, SECTOR)?;
    segment.file.sync().map_err(failed)
}

/// Writes what is there once more.
fn rewrite(segment: &SegmentFile, offset: u64, room: u64) -> Result<(), StorageError> {
    let failed = |error| StorageError::io("repair", segment.shown.clone(), error);
    let mut bytes = vec![0; room as usize];
    segment.file.read_at(offset, &mut bytes).map_err(failed)?;
    segment.file.write_at(offset, &bytes).map_err(failed)
}

/// Removes the segment whose creation did not end. The folder is synced in any
/// case: the process before may have been killed ahead of that.
fn clean_up(files: &dyn Files, unfinished: Option<SegmentName>) -> Result<(), StorageError> {
    if let Some(name) = unfinished {
        let file = name.to_file();
        files
            .remove(&file)
            .map_err(|error| StorageError::io("remove", files.describe(&file), error))?;
    }
    files.sync_folder("").map_err(|error| StorageError::io("sync", files.describe(""), error))
}

fn no_segments(files: &dyn Files) -> StorageError {
    StorageError::Corrupt {
        file: files.describe(""),
        offset: 0,
        index: Some(Index::ZERO),
        what: "the folder has an identity, but all segments are gone".to_owned(),
        way_out: StorageError::REPLACE_MEMBER,
    }
}
