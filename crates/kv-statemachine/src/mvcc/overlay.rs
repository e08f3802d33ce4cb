//! Changes that are yet to be committed, laid over the state that they change.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use raft_storage::{Mutation, Order, Scan, Space, StateView, StorageError};

use super::recent::Recent;
use super::rows::{LATEST, SPACE_COUNT};

/// A view with uncommitted changes over it. It is a [`StateView`] itself, so
/// that commands of one batch read what those before them wrote by the same
/// code that reads a committed state.
pub(crate) struct Overlay {
    base: Arc<dyn StateView>,
    /// Rows of `latest` that the base holds too.
    recent: Recent,
    /// By space and key: the new value, or `None` for a removed key.
    changed: [BTreeMap<Bytes, Option<Bytes>>; SPACE_COUNT],
}

impl Overlay {
    pub fn new(base: Arc<dyn StateView>, recent: Recent) -> Overlay {
        Overlay { base, recent, changed: Default::default() }
    }

    pub fn put(&mut self, space: Space, key: Bytes, value: Bytes) {
        self.changed[usize::from(space.0)].insert(key, Some(value));
    }

    pub fn delete(&mut self, space: Space, key: Bytes) {
        self.changed[usize::from(space.0)].insert(key, None);
    }

    /// The changes as one atomic batch, in the order of spaces and keys, and what
    /// is recent once they are committed.
    pub fn finish(mut self) -> (Vec<Mutation>, Recent) {
        for (key, row) in &self.changed[usize::from(LATEST.0)] {
            self.recent.set(key, row.as_ref());
        }
        let mut batch = Vec::with_capacity(self.changed.iter().map(BTreeMap::len).sum());
        for (space, changed) in (0..).map(Space).zip(self.changed) {
            batch.extend(changed.into_iter().map(|(key, value)| match value {
                Some(value) => Mutation::Put(space, key, value),
                None => Mutation::Delete(space, key),
            }));
        }
        (batch, self.recent)
    }
}

impl StateView for Overlay {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        if let Some(value) = self.changed[usize::from(space.0)].get(key) {
            return Ok(value.clone());
        }
        if space == LATEST
            && let Some(row) = self.recent.get(key)
        {
            return Ok(Some(row.clone()));
        }
        self.base.get(space, key)
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
        let base = self.base.scan(space, start, end, order);
        let end = end.map_or(Bound::Unbounded, Bound::Excluded);
        let changed =
            self.changed[usize::from(space.0)].range::<[u8], _>((Bound::Included(start), end));
        let changed: Changed<'a> = match order {
            Order::Ascending => Box::new(changed),
            Order::Descending => Box::new(changed.rev()),
        };
        Box::new(Merge { base: base.peekable(), changed: changed.peekable(), order })
    }
}

/// A scan over changes: `None` stands for a removed key.
type Changed<'a> = Box<dyn Iterator<Item = (&'a Bytes, &'a Option<Bytes>)> + 'a>;

/// Two scans as one; where both have a key, the change counts.
struct Merge<'a> {
    base: Peekable<Scan<'a>>,
    changed: Peekable<Changed<'a>>,
    order: Order,
}

impl Iterator for Merge<'_> {
    type Item = Result<(Bytes, Bytes), StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let next = match (self.base.peek(), self.changed.peek()) {
                (Some(Err(_)), _) | (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return None,
                (Some(Ok((base, _))), Some((changed, _))) => match self.order {
                    Order::Ascending => base.cmp(changed),
                    Order::Descending => (*changed).cmp(base),
                },
            };
            if next == Ordering::Less {
                return self.base.next();
            }
            if next == Ordering::Equal {
                self.base.next();
            }
            if let Some((key, Some(value))) = self.changed.next() {
                return Some(Ok((key.clone(), value.clone())));
            }
        }
    }
}
