//! Walking the keys as they were at an older revision.
//!
//! Two scans run side by side: one over `latest`, for the keys that have not
//! changed since, one over `history`, for those that have or are gone.

use std::iter::Peekable;

use bytes::Bytes;
use raft_storage::{Order, Scan, StateView, StorageError};

use super::record::{Change, Superseded, Version, escape};
use super::rows::{HISTORY, LATEST, read_history, read_latest};

/// After so many versions of one key the walk seeks instead of stepping on.
const STEPS_BEFORE_SEEK: usize = 16;

/// The keys of a range as of a revision, in ascending order.
pub(crate) struct KeysAt<'a> {
    revision: i64,
    latest: Peekable<Scan<'a>>,
    history: HistoryWalk<'a>,
    next_old: Option<(Bytes, Version)>,
    started: bool,
}

impl<'a> KeysAt<'a> {
    pub fn new(
        view: &'a dyn StateView,
        start: &[u8],
        end: Option<&[u8]>,
        revision: i64,
    ) -> KeysAt<'a> {
        KeysAt {
            revision,
            latest: view.scan(LATEST, start, end, Order::Ascending).peekable(),
            history: HistoryWalk::new(view, start, end, revision),
            next_old: None,
            started: false,
        }
    }

    fn advance(&mut self) -> Result<Option<(Bytes, Version)>, StorageError> {
        if !self.started {
            self.started = true;
            self.next_old = self.history.next_alive()?;
        }
        loop {
            let latest_first = match (self.latest.peek(), &self.next_old) {
                (Some(Ok((latest, _))), Some((old, _))) => latest < old,
                (Some(_), _) => true,
                (None, _) => false,
            };
            if !latest_first {
                // A key alive in both was rewritten since: its latest version is
                // too new and drops out below, when its turn comes.
                let Some(old) = self.next_old.take() else { return Ok(None) };
                self.next_old = self.history.next_alive()?;
                return Ok(Some(old));
            }
            let Some(row) = self.latest.next() else { return Ok(None) };
            let (key, version) = read_latest(row)?;
            if version.written.main <= self.revision {
                return Ok(Some((key, version)));
            }
        }
    }
}

impl Iterator for KeysAt<'_> {
    type Item = Result<(Bytes, Version), StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// The version of one key that was the current one at a revision, looked up in
/// `history` alone.
pub(crate) fn superseded_at(
    view: &dyn StateView,
    key: &[u8],
    revision: i64,
) -> Result<Option<Version>, StorageError> {
    let start = escape(key);
    let end = [start.as_slice(), &Change::first_of(revision + 1).encode()].concat();
    let Some(row) = view.scan(HISTORY, &start, Some(&end), Order::Descending).next() else {
        return Ok(None);
    };
    let (_, old) = read_history(row)?;
    Ok(old.is_alive_at(revision).then_some(old.version))
}

/// Walks `history` and stops at the versions that were current at a revision.
struct HistoryWalk<'a> {
    view: &'a dyn StateView,
    end: Option<Vec<u8>>,
    revision: i64,
    rows: Scan<'a>,
    /// The key that the walk is at, and how many of its versions it has passed.
    at: Bytes,
    passed: usize,
}

impl<'a> HistoryWalk<'a> {
    fn new(view: &'a dyn StateView, start: &[u8], end: Option<&[u8]>, revision: i64) -> Self {
        let end = end.map(escape);
        let rows = view.scan(HISTORY, &escape(start), end.as_deref(), Order::Ascending);
        HistoryWalk { view, end, revision, rows, at: Bytes::new(), passed: 0 }
    }

    fn next_alive(&mut self) -> Result<Option<(Bytes, Version)>, StorageError> {
        while let Some(row) = self.rows.next() {
            let (key, old): (Bytes, Superseded) = read_history(row)?;
            if key == self.at {
                self.passed += 1;
            } else {
                self.at = key.clone();
                self.passed = 1;
            }
            if old.is_alive_at(self.revision) {
                return Ok(Some((key, old.version)));
            }
            if self.passed == STEPS_BEFORE_SEEK {
                let newer = old.version.written.main > self.revision;
                self.seek_behind(&key);
                if !newer && let Some(found) = superseded_at(self.view, &key, self.revision)? {
                    return Ok(Some((key, found)));
                }
            }
        }
        Ok(None)
    }

    /// Goes on behind the last version of a key.
    fn seek_behind(&mut self, key: &[u8]) {
        let mut start = escape(key);
        // Above every change that can be encoded.
        start.extend_from_slice(&[0xff; Change::LENGTH + 1]);
        if self.end.as_ref().is_some_and(|end| *end <= start) {
            self.rows = Box::new(std::iter::empty());
        } else {
            let end = self.end.as_deref();
            self.rows = self.view.scan(HISTORY, &start, end, Order::Ascending);
        }
    }
}
