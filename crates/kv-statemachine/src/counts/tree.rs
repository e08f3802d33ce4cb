//! The tree of buckets: a B+ tree with sums, whose nodes are shared until changed.

use std::sync::Arc;

use bytes::Bytes;

use super::lowest;

/// A bucket with more keys is split.
pub(super) const BUCKET_MAX: u64 = 256;
/// Neighbours in one leaf with fewer keys together become one.
const BUCKET_MERGE: u64 = BUCKET_MAX / 4;
/// A node with more entries is split.
const FANOUT: usize = 64;

/// A bucket as found on the way to a key.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// Its keys are at or above this one.
    pub low: Bytes,
    /// Its keys are below this one, if there is a bucket behind it.
    pub high: Option<Bytes>,
    /// How many there are.
    pub count: u64,
}

/// Buckets in the order of their keys.
///
/// Invariants: every node has an entry; an entry's sum is that of everything
/// below it; starts ascend. The first entry of a node begins where the node
/// does, whatever its own start says.
#[derive(Clone, Debug)]
pub(crate) struct CountTree {
    root: Arc<Node>,
    total: u64,
}

#[derive(Clone, Debug)]
struct Node {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    start: Bytes,
    sum: u64,
    /// `None`: the entry is a bucket.
    below: Option<Arc<Node>>,
}

impl Default for CountTree {
    fn default() -> CountTree {
        CountTree::build(Vec::new())
    }
}

impl CountTree {
    /// Builds a tree of buckets, given by first key and count, in order.
    pub fn build(buckets: Vec<(Bytes, u64)>) -> CountTree {
        let total = buckets.iter().map(|bucket| bucket.1).sum();
        let mut level: Vec<Entry> =
            buckets.into_iter().map(|(start, sum)| Entry { start, sum, below: None }).collect();
        if level.is_empty() {
            level.push(Entry { start: lowest(), sum: 0, below: None });
        }
        while level.len() > FANOUT {
            level = level.chunks(FANOUT / 2).map(|part| Node::entry_of(part.to_vec())).collect();
        }
        CountTree { root: Arc::new(Node { entries: level }), total }
    }

    /// How many keys there are.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The bucket that a key belongs to, and how many keys lie in those before it.
    pub fn find(&self, key: &[u8]) -> (u64, Bucket) {
        let mut before = 0;
        let mut bucket = Bucket { low: lowest(), high: None, count: 0 };
        let mut node = &self.root;
        loop {
            let place = node.place_of(key);
            before += node.entries[..place].iter().map(|entry| entry.sum).sum::<u64>();
            node.narrow(place, &mut bucket);
            match &node.entries[place].below {
                Some(below) => node = below,
                None => return (before, bucket),
            }
        }
    }

    /// Counts a key in. Returns its bucket with the new count.
    pub fn add(&mut self, key: &[u8]) -> Bucket {
        self.total += 1;
        let mut bucket = Bucket { low: lowest(), high: None, count: 0 };
        let mut node = Arc::make_mut(&mut self.root);
        loop {
            let place = node.place_of(key);
            node.entries[place].sum += 1;
            node.narrow(place, &mut bucket);
            match &mut node.entries[place].below {
                Some(below) => node = Arc::make_mut(below),
                None => return bucket,
            }
        }
    }

    /// Counts a key out.
    ///
    /// # Panics
    ///
    /// If it never was counted in.
    pub fn remove(&mut self, key: &[u8]) {
        assert!(self.total > 0, "a key is counted out that was never counted in");
        self.total -= 1;
        let root = Arc::make_mut(&mut self.root);
        root.remove(key);
        while let [Entry { below: Some(only), .. }] = self.root.entries.as_slice() {
            self.root = only.clone();
        }
    }

    /// Cuts the bucket of `key` at `middle`, `lower` keys of it staying below.
    pub fn split(&mut self, key: &[u8], middle: Bytes, lower: u64) {
        let root = Arc::make_mut(&mut self.root);
        if let Some(right) = root.split(key, middle, lower) {
            let left = Node::entry_of(std::mem::take(&mut root.entries));
            root.entries = vec![left, right];
        }
    }

    /// Asserts the invariants.
    #[cfg(test)]
    pub fn assert_valid(&self) {
        assert_eq!(self.root.entries.iter().map(|entry| entry.sum).sum::<u64>(), self.total);
        self.root.assert_valid();
    }
}

impl Node {
    fn entry_of(entries: Vec<Entry>) -> Entry {
        let start = entries[0].start.clone();
        let sum = entries.iter().map(|entry| entry.sum).sum();
        Entry { start, sum, below: Some(Arc::new(Node { entries })) }
    }

    /// The entry that a key belongs to.
    fn place_of(&self, key: &[u8]) -> usize {
        self.entries[1..].partition_point(|entry| entry.start.as_ref() <= key)
    }

    /// Narrows a bucket's bounds down to those of an entry.
    fn narrow(&self, place: usize, bucket: &mut Bucket) {
        if place > 0 {
            bucket.low = self.entries[place].start.clone();
        }
        if let Some(next) = self.entries.get(place + 1) {
            bucket.high = Some(next.start.clone());
        }
        bucket.count = self.entries[place].sum;
    }

    fn remove(&mut self, key: &[u8]) {
        let place = self.place_of(key);
        let entry = &mut self.entries[place];
        assert!(entry.sum > 0, "a key is counted out that was never counted in");
        entry.sum -= 1;
        if let Some(below) = &mut entry.below {
            Arc::make_mut(below).remove(key);
            if entry.sum == 0 && self.entries.len() > 1 {
                self.entries.remove(place);
            }
            return;
        }
        let small = |pair: &[Entry]| pair[0].sum + pair[1].sum < BUCKET_MERGE;
        if let Some(left) = [place.saturating_sub(1), place]
            .into_iter()
            .find(|left| self.entries.get(*left..left + 2).is_some_and(small))
        {
            let right = self.entries.remove(left + 1);
            self.entries[left].sum += right.sum;
        }
    }

    /// Returns the node's upper half if it grew too large.
    fn split(&mut self, key: &[u8], middle: Bytes, lower: u64) -> Option<Entry> {
        let place = self.place_of(key);
        let entry = &mut self.entries[place];
        let right = match &mut entry.below {
            Some(below) => {
                let right = Arc::make_mut(below).split(key, middle, lower)?;
                entry.sum -= right.sum;
                right
            }
            None => {
                let right = Entry { start: middle, sum: entry.sum - lower, below: None };
                entry.sum = lower;
                right
            }
        };
        self.entries.insert(place + 1, right);
        (self.entries.len() > FANOUT).then(|| Node::entry_of(self.entries.split_off(FANOUT / 2)))
    }

    #[cfg(test)]
    fn assert_valid(&self) {
        assert!(!self.entries.is_empty() && self.entries.len() <= FANOUT);
        assert!(self.entries.windows(2).all(|pair| pair[0].start < pair[1].start));
        for entry in &self.entries {
            match &entry.below {
                Some(node) => {
                    assert_eq!(entry.sum, node.entries.iter().map(|entry| entry.sum).sum::<u64>());
                    node.assert_valid();
                }
                None => assert!(entry.sum <= BUCKET_MAX, "an oversized bucket: {}", entry.sum),
            }
        }
    }
}
