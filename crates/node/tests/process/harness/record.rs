//! What clients wrote, and what they know of it.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Every write that was tried. Each has a key of its own and a value that no
/// other write has, so that a store can be compared with it key by key.
#[derive(Clone, Debug, Default)]
pub struct Record {
    writes: BTreeMap<Bytes, Write>,
}

/// A write that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Write {
    value: Bytes,
    /// Whether the node said that it is done. If not, nobody knows.
    is_acknowledged: bool,
}

impl Record {
    /// Adds a write of a key that has not been written before.
    pub fn add(&mut self, key: Bytes, value: Bytes, is_acknowledged: bool) {
        let known = self.writes.insert(key, Write { value, is_acknowledged });
        assert_eq!(known, None, "each write has a key of its own");
    }

    /// Adds all writes of another record, none of which is in this one.
    pub fn join(&mut self, other: Record) {
        for (key, write) in other.writes {
            self.add(key, write.value, write.is_acknowledged);
        }
    }

    /// How many writes were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.writes.values().filter(|write| write.is_acknowledged).count()
    }

    /// How many writes were not acknowledged.
    pub fn unknown(&self) -> usize {
        self.writes.len() - self.acknowledged()
    }

    /// Compares it with all that a store holds: nothing acknowledged is missing,
    /// nothing is there that nobody wrote, and every value is the one written.
    /// Returns what is wrong, the first few.
    pub fn compare(&self, store: &BTreeMap<Bytes, Bytes>) -> Vec<String> {
        let lost = self
            .writes
            .iter()
            .filter(|(key, write)| write.is_acknowledged && !store.contains_key(*key))
            .map(|(key, _)| format!("{} was acknowledged and is lost", key.escape_ascii()));
        let wrong = store.iter().filter_map(|(key, value)| match self.writes.get(key) {
            None => Some(format!("{} was never written", key.escape_ascii())),
            Some(write) if write.value != value => Some(format!(
                "{} is {}, not {}",
                key.escape_ascii(),
                value.escape_ascii(),
                write.value.escape_ascii()
            )),
            Some(_) => None,
        });
        lost.chain(wrong).take(10).collect()
    }
}

#[test]
fn a_store_is_compared_write_by_write() {
    let store = |pairs: &[(&'static str, &'static str)]| {
        pairs.iter().map(|(key, value)| (Bytes::from(*key), Bytes::from(*value))).collect()
    };
    let mut record = Record::default();
    record.add("a".into(), "1".into(), true);
    record.add("b".into(), "2".into(), false);
    assert_eq!((record.acknowledged(), record.unknown()), (1, 1));

    let none: [&str; 0] = [];
    assert_eq!(record.compare(&store(&[("a", "1")])), none, "the unknown write failed");
    assert_eq!(record.compare(&store(&[("a", "1"), ("b", "2")])), none, "or it did not");
    assert_eq!(record.compare(&store(&[("b", "2")])), ["a was acknowledged and is lost"]);
    assert_eq!(record.compare(&store(&[("a", "1"), ("b", "9")])), ["b is 9, not 2"]);
    assert_eq!(record.compare(&store(&[("a", "1"), ("c", "3")])), ["c was never written"]);
}
