//! A state that does not change: one persistent map per space.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use rpds::RedBlackTreeMapSync;

use crate::error::StorageError;
use crate::state_store::{Mutation, Order, Scan, Space, StateView};

type Map = RedBlackTreeMapSync<Bytes, Bytes>;

/// All spaces of a state. A clone costs nothing and stays as it is; a change
/// costs the logarithm of the keys.
#[derive(Clone)]
pub(super) struct Spaces {
    maps: Arc<Vec<Map>>,
    bytes: u64,
}

impl Spaces {
    pub(super) fn empty(count: usize) -> Spaces {
        Spaces { maps: Arc::new(vec![Map::new_sync(); count]), bytes: 0 }
    }

    pub(super) fn count(&self) -> usize {
        self.maps.len()
    }

    /// How many bytes all keys and values take.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn perform(&mut self, batch: Vec<Mutation>) {
        let maps = Arc::make_mut(&mut self.maps);
        for mutation in batch {
            match mutation {
                Mutation::Put(space, key, value) => {
                    let map = &mut maps[usize::from(space.0)];
                    if let Some(old) = map.get(&key) {
                        self.bytes -= size(&key, old);
                    }
                    self.bytes += size(&key, &value);
                    map.insert_mut(key, value);
                }
                Mutation::Delete(space, key) => {
                    let map = &mut maps[usize::from(space.0)];
                    if let Some(old) = map.get(&key) {
                        self.bytes -= size(&key, old);
                        map.remove_mut(&key);
                    }
                }
            }
        }
    }

    /// Makes the first space that of another state, and leaves the others alone: the
    /// bug of a state that reaches its disk by parts.
    #[cfg(feature = "planted-bugs")]
    pub(super) fn take_first_space_of(&mut self, other: &Spaces) {
        Arc::make_mut(&mut self.maps)[0] = other.maps[0].clone();
    }

    pub(super) fn value(&self, space: Space, key: &[u8]) -> Option<Bytes> {
        self.map(space).get(key).cloned()
    }

    /// All keys of one space, in order.
    pub(super) fn all(&self, space: Space) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.map(space).iter()
    }

    fn map(&self, space: Space) -> &Map {
        &self.maps[usize::from(space.0)]
    }
}

impl StateView for Spaces {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        Ok(self.value(space, key))
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
        let owned = Bytes::copy_from_slice;
        let end = end.map_or(Bound::Unbounded, |end| Bound::Excluded(owned(end)));
        let found = self.map(space).range((Bound::Included(owned(start)), end));
        let copy = |(key, value): (&Bytes, &Bytes)| Ok((key.clone(), value.clone()));
        match order {
            Order::Ascending => Box::new(found.map(copy)),
            Order::Descending => Box::new(found.rev().map(copy)),
        }
    }
}

fn size(key: &Bytes, value: &Bytes) -> u64 {
    (key.len() + value.len()) as u64
}
