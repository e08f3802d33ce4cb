//! How many keys there are before a key, without a list of them.
//!
//! The keys are cut into buckets of at most [`BUCKET_MAX`] neighbours. Kept in
//! memory is each bucket's first possible key and its count, in a tree whose
//! nodes know their sums:
//!
//! ```text
//!                      ┌─────────────┬──────────────┐
//!                      │ -∞  sum 411 │ m   sum 380  │
//!                      └──────┬──────┴───────┬──────┘
//!            ┌────────────────┘              └───────────────┐
//!   ┌────────┴─────────┬──────────────┐    ┌──────────────┬──┴────────────┐
//!   │ -∞  bucket of 201│ f  of 210    │    │ m  of 190    │ t  of 190     │
//!   └──────────────────┴──────────────┘    └──────────────┴───────────────┘
//! ```
//!
//! Counting a range sums whole buckets and looks at the keys of the two at its
//! edges only, so it costs neither what the range holds nor what its history
//! holds; and the memory is a few bytes for each hundred keys.
//!
//! A clone shares all nodes and costs nothing; a change copies the nodes on its
//! path that are shared. So each published state has an index of its own. The
//! shape of the tree depends on the order of the changes, the counts do not.

mod tree;

use bytes::Bytes;
use raft_storage::{Order, StateView, StorageError};

use crate::mvcc::rows::LATEST;
pub(crate) use tree::CountTree;
use tree::{BUCKET_MAX, Bucket};

/// The counted index of the space `latest`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    tree: CountTree,
}

impl Counts {
    /// Builds the index by reading all keys once.
    pub fn build(view: &dyn StateView) -> Result<Counts, StorageError> {
        let mut starts = Vec::new();
        let mut in_last = BUCKET_MAX;
        for row in view.scan(LATEST, &[], None, Order::Ascending) {
            let (key, _) = row?;
            if in_last >= BUCKET_MAX / 2 {
                starts.push((key, 0));
                in_last = 0;
            }
            in_last += 1;
            if let Some((_, count)) = starts.last_mut() {
                *count = in_last;
            }
        }
        Ok(Counts { tree: CountTree::build(starts) })
    }

    /// How many keys there are.
    pub fn total(&self) -> u64 {
        self.tree.total()
    }

    /// Takes in a key that `view` holds as of now and did not before.
    pub fn created(&mut self, view: &dyn StateView, key: &[u8]) -> Result<(), StorageError> {
        let bucket = self.tree.add(key);
        if bucket.count <= BUCKET_MAX {
            return Ok(());
        }
        let half = bucket.count / 2;
        let upper = bucket.high.as_deref();
        let mut keys = view.scan(LATEST, &bucket.low, upper, Order::Ascending);
        if let Some(row) = keys.nth(half as usize) {
            let (middle, _) = row?;
            self.tree.split(key, middle, half);
        }
        Ok(())
    }

    /// Drops a key.
    pub fn deleted(&mut self, key: &[u8]) {
        self.tree.remove(key);
    }

    /// How many keys `view` holds from `start` up to, not including, `end`.
    pub fn count(
        &self,
        view: &dyn StateView,
        start: &[u8],
        end: Option<&[u8]>,
    ) -> Result<u64, StorageError> {
        if end.is_some_and(|end| end <= start) {
            return Ok(0);
        }
        let (from, from_bucket) = self.tree.find(start);
        let Some(end) = end else {
            return Ok(self.total() - from - before(view, &from_bucket, start)?);
        };
        let (to, to_bucket) = self.tree.find(end);
        if to_bucket.low == from_bucket.low {
            return scanned(view, start, end);
        }
        Ok(to + before(view, &to_bucket, end)? - from - before(view, &from_bucket, start)?)
    }
}

/// How many keys of a bucket lie before a key of it.
fn before(view: &dyn StateView, bucket: &Bucket, key: &[u8]) -> Result<u64, StorageError> {
    if bucket.count == 0 { Ok(0) } else { scanned(view, &bucket.low, key) }
}

fn scanned(view: &dyn StateView, start: &[u8], end: &[u8]) -> Result<u64, StorageError> {
    if end <= start {
        return Ok(0);
    }
    let mut count = 0;
    for row in view.scan(LATEST, start, Some(end), Order::Ascending) {
        row?;
        count += 1;
    }
    Ok(count)
}

/// A key below all others: the start of the first bucket.
fn lowest() -> Bytes {
    Bytes::new()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use raft_storage::StateStore;
    use raft_storage::memory::{MemoryDisk, MemoryState};

    use super::*;
    use crate::machine::KvStateMachine;
    use crate::mvcc::overlay::Overlay;
    use crate::mvcc::recent::Recent;
    use crate::testing::Rng;

    fn empty() -> Overlay {
        let store = MemoryState::open(&MemoryDisk::new(), &KvStateMachine::SPACES);
        Overlay::new(store.expect("a new store opens").view(), Recent::default())
    }

    /// Random keys come and go; every count is that of a plain set, and the
    /// index says the same when built anew.
    #[test]
    fn counts_what_a_set_counts() {
        for seed in 0..20 {
            let mut rng = Rng::new(seed);
            let mut view = empty();
            let mut counts = Counts::default();
            let mut set = BTreeSet::new();
            let keys = 10 + rng.below(6000);
            for step in 0..6000 {
                let key = Bytes::from(format!("{:05}", rng.below(keys)));
                let shrinking = step / 1500 % 2 == 1;
                if rng.below(10) < if shrinking { 8 } else { 2 } {
                    if set.remove(&key) {
                        view.delete(LATEST, key.clone());
                        counts.deleted(&key);
                    }
                } else if set.insert(key.clone()) {
                    view.put(LATEST, key.clone(), Bytes::new());
                    counts.created(&view, &key).unwrap();
                }
                if step % 40 == 0 {
                    let start = Bytes::from(format!("{:05}", rng.below(keys)));
                    let end = Bytes::from(format!("{:05}", rng.below(keys)));
                    let expected = set.iter().filter(|key| start <= **key && **key < end).count();
                    let found = counts.count(&view, &start, Some(&end)).unwrap();
                    assert_eq!(found, expected as u64, "seed {seed} step {step} {start:?} {end:?}");
                    let expected = set.iter().filter(|key| start <= **key).count();
                    let found = counts.count(&view, &start, None).unwrap();
                    assert_eq!(found, expected as u64, "seed {seed} step {step} {start:?}");
                    counts.tree.assert_valid();
                }
            }
            let rebuilt = Counts::build(&view).unwrap();
            rebuilt.tree.assert_valid();
            assert_eq!(rebuilt.total(), set.len() as u64, "seed {seed}");
        }
    }

    #[test]
    fn a_clone_stays_as_it_is() {
        let mut view = empty();
        let mut counts = Counts::default();
        for n in 0..1000 {
            let key = Bytes::from(format!("{n:04}"));
            view.put(LATEST, key.clone(), Bytes::new());
            counts.created(&view, &key).unwrap();
        }
        let before = counts.clone();
        for n in 0..900 {
            counts.deleted(format!("{n:04}").as_bytes());
        }
        assert_eq!(before.total(), 1000);
        assert_eq!(counts.total(), 100);
        before.tree.assert_valid();
        counts.tree.assert_valid();
    }
}
