//! The spaces, and reading single rows of them.

use bytes::Bytes;
use raft_storage::{Order, Space, StateView, StorageError};

use super::record::{Change, ChangeRow, Superseded, Version, decode_history_key, history_key};

pub(crate) const META: Space = Space(0);
pub(crate) const LATEST: Space = Space(1);
pub(crate) const HISTORY: Space = Space(2);
pub(crate) const CHANGES: Space = Space(3);
pub(crate) const SPACE_COUNT: usize = 4;

/// The current version of a key.
pub(crate) fn latest(view: &dyn StateView, key: &[u8]) -> Result<Option<Version>, StorageError> {
    view.get(LATEST, key)?.map(|row| Version::decode_latest(&row)).transpose()
}

/// The version that one change wrote, if it is still there, and its end if it
/// has one.
pub(crate) fn version_of(
    view: &dyn StateView,
    key: &[u8],
    written: Change,
) -> Result<Option<(Version, Option<i64>)>, StorageError> {
    if let Some(version) = latest(view, key)?
        && version.written == written
    {
        return Ok(Some((version, None)));
    }
    let Some(row) = view.get(HISTORY, &history_key(key, written))? else { return Ok(None) };
    let old = Superseded::decode(written, &row)?;
    Ok(Some((old.version, Some(old.end))))
}

/// The changes of the revisions from `first` up to and including `last`.
pub(crate) fn changes<'a>(
    view: &'a dyn StateView,
    first: Change,
    last: i64,
) -> impl Iterator<Item = Result<ChangeRow, StorageError>> + 'a {
    let end = Change::first_of(last + 1).encode();
    debug_assert!(last >= 0, "revisions are not negative");
    view.scan(CHANGES, &first.encode(), Some(&end), Order::Ascending).map(|row| {
        let (key, row) = row?;
        ChangeRow::decode(&key, &row)
    })
}

/// Reads a row of `latest`.
pub(crate) fn read_latest(
    row: Result<(Bytes, Bytes), StorageError>,
) -> Result<(Bytes, Version), StorageError> {
    let (key, row) = row?;
    let version = Version::decode_latest(&row)?;
    Ok((key, version))
}

/// Reads a row of `history`.
pub(crate) fn read_history(
    row: Result<(Bytes, Bytes), StorageError>,
) -> Result<(Bytes, Superseded), StorageError> {
    let (row_key, row) = row?;
    let (key, written) = decode_history_key(&row_key)?;
    Ok((key, Superseded::decode(written, &row)?))
}
