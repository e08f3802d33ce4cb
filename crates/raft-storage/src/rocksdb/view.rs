//! A database as it was at one moment.

use std::sync::Arc;

use bytes::Bytes;
use rocksdb::{IteratorMode, ReadOptions, SnapshotWithThreadMode};
use self_cell::self_cell;

use super::database::{Database, Rocks};
use super::error::failed;
use crate::error::StorageError;
use crate::state_store::{Order, Scan, Space, StateView};

type Snapshot<'a> = SnapshotWithThreadMode<'a, Rocks>;

self_cell!(
    /// A snapshot, and the database that it is of.
    struct Pinned {
        owner: Arc<Database>,
        #[covariant]
        dependent: Snapshot,
    }
);

/// A [`StateView`] of a database. It keeps the database open, and what it shows
/// from being removed by merges, until it is dropped.
pub(super) struct RocksView {
    pinned: Pinned,
}

impl RocksView {
    /// The database as it is now.
    pub(super) fn of(database: Arc<Database>) -> RocksView {
        RocksView { pinned: Pinned::new(database, |database| database.rocks().snapshot()) }
    }

    fn database(&self) -> &Database {
        self.pinned.borrow_owner()
    }
}

impl StateView for RocksView {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        let database = self.database();
        let found = self.pinned.borrow_dependent().get_pinned_cf(database.family(space)?, key);
        let found = found.map_err(|error| failed("read", database.folder(), &error))?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan<'a>(
        &'a self,
        space: Space,
        start: &[u8],
        end: Option<&[u8]>,
        order: Order,
    ) -> Scan<'a> {
        if end.is_some_and(|end| end <= start) {
            return Box::new(std::iter::empty());
        }
        let database = self.database();
        let family = match database.family(space) {
            Ok(family) => family,
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(start);
        if let Some(end) = end {
            options.set_iterate_upper_bound(end);
        }
        let mode = match order {
            Order::Ascending => IteratorMode::Start,
            Order::Descending => IteratorMode::End,
        };
        let rows = self.pinned.borrow_dependent().iterator_cf_opt(family, options, mode);
        Box::new(rows.map(|row| match row {
            Ok((key, value)) => Ok((Bytes::from(key), Bytes::from(value))),
            Err(error) => Err(failed("read", database.folder(), &error)),
        }))
    }
}
