//! Creates folders and segments.

use raft_core::Ballot;

use super::recovery;
use super::scan::SegmentFile;
use super::segment::{SegmentHeader, SegmentName};
use super::store::SegmentsConfig;
use crate::error::StorageError;
use crate::files::Files;
use crate::folder::FolderId;
use crate::random::Random;

/// The number of the very first frame.
const FIRST_SEQ: u64 = 1;

/// Makes a log of a folder without an identity, and returns its storage id. The
/// identity comes last: what a crash leaves before that is thrown away by the
/// next attempt.
pub(super) fn create_folder(
    files: &dyn Files,
    config: &SegmentsConfig,
    random: &mut Random,
) -> Result<u64, StorageError> {
    for name in recovery::list(files)? {
        let segment = SegmentFile::open(files, name)?;
        if name.first_seq != FIRST_SEQ || !recovery::is_blank(&segment)? {
            let what = "it holds a log, but the folder's identity is gone".to_owned();
            return Err(segment.corrupt(0, None, what));
        }
        let failed = |error| StorageError::io("remove", segment.shown.clone(), error);
        files.remove(&name.to_file()).map_err(failed)?;
        files.sync_folder("").map_err(failed)?;
    }
    let storage = random.next();
    let mut header = SegmentHeader {
        storage,
        name: SegmentName { first_seq: FIRST_SEQ, id: random.next() },
        length: 0,
        previous: 0,
        ballot: Ballot::default(),
        last: config.bootstrap.position,
        base: config.bootstrap.clone(),
    };
    header.length = SegmentHeader::room(config.segment_bytes.max(header.encode().len() as u64));
    create_segment(files, &header)?;
    FolderId { storage, node: config.node, cluster: config.cluster }.write(files)?;
    Ok(storage)
}

/// Creates a segment with its header; durable on return.
pub(super) fn create_segment(
    files: &dyn Files,
    header: &SegmentHeader,
) -> Result<SegmentFile, StorageError> {
    let name = header.name.to_file();
    let shown = files.describe(&name);
    let failed = |operation, error| StorageError::io(operation, shown.clone(), error);
    let file = files.create(&name).map_err(|error| failed("create", error))?;
    file.preallocate(header.length).map_err(|error| failed("preallocate", error))?;
    file.write_at(0, &header.encode()).map_err(|error| failed("write", error))?;
    file.sync().map_err(|error| failed("sync", error))?;
    files.sync_folder("").map_err(|error| failed("sync the folder of", error))?;
    Ok(SegmentFile { name: header.name, file, shown, length: header.length })
}
