//! Fingerprints of states, and a table by them.
//!
//! States are known by 128 bits of hash: with ten million states the odds that any two
//! of them share one are below 1 in 10²⁴. The hash is our own, so that it is the same
//! on every machine and with every compiler.

use std::hash::{Hash, Hasher};

/// 128 bits of hash; never 0.
pub type Fingerprint = u128;

/// The fingerprint of a value.
pub fn of(value: &impl Hash) -> Fingerprint {
    let mut hasher = Folding::default();
    value.hash(&mut hasher);
    hasher.fingerprint()
}

/// Two lanes of 64 bits, each folded by a multiplication to 128 bits.
struct Folding {
    lanes: [u64; 2],
}

const KEYS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93];

impl Default for Folding {
    fn default() -> Folding {
        Folding { lanes: [0x2545_f491_4f6c_dd1d, 0x853c_49e6_748f_ea9b] }
    }
}

fn fold(lane: u64, word: u64, key: u64) -> u64 {
    let product = u128::from(lane ^ word) * u128::from(key | 1);
    ((product >> 64) as u64) ^ (product as u64).rotate_left(23)
}

impl Folding {
    fn fingerprint(&self) -> Fingerprint {
        let [first, second] = self.lanes;
        let ends = [fold(first, second, KEYS[1]), fold(second, first.rotate_left(32), KEYS[0])];
        ((u128::from(ends[0]) << 64) | u128::from(ends[1])).max(1)
    }
}

impl Hasher for Folding {
    fn finish(&self) -> u64 {
        self.fingerprint() as u64
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
        self.write_u64(bytes.len() as u64);
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, word: u64) {
        self.lanes[0] = fold(self.lanes[0], word, KEYS[0]);
        self.lanes[1] = fold(self.lanes[1].rotate_left(17), word, KEYS[1]);
    }

    fn write_u128(&mut self, value: u128) {
        self.write_u64(value as u64);
        self.write_u64((value >> 64) as u64);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }
}

/// A table by fingerprint: open addressing, at most half full.
#[derive(Debug)]
pub struct Table<V> {
    /// A power of two of places; 0 marks an empty one.
    keys: Vec<Fingerprint>,
    values: Vec<Option<V>>,
    len: usize,
}

impl<V> Default for Table<V> {
    fn default() -> Table<V> {
        Table::with_places(1 << 10)
    }
}

impl<V> Table<V> {
    fn with_places(places: usize) -> Table<V> {
        let values = (0..places).map(|_| None).collect();
        Table { keys: vec![0; places], values, len: 0 }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What is known by this fingerprint.
    pub fn get(&self, key: Fingerprint) -> Option<&V> {
        self.values[self.place_of(key)].as_ref()
    }

    /// Adds a value if nothing is known by this fingerprint; whether it was added.
    pub fn insert(&mut self, key: Fingerprint, value: V) -> bool {
        if self.len * 2 >= self.keys.len() {
            self.grow();
        }
        let place = self.place_of(key);
        if self.keys[place] == key {
            return false;
        }
        self.keys[place] = key;
        self.values[place] = Some(value);
        self.len += 1;
        true
    }

    /// Where this fingerprint is, or the empty place where it would go.
    fn place_of(&self, key: Fingerprint) -> usize {
        let mask = self.keys.len() - 1;
        let mut place = key as usize & mask;
        while self.keys[place] != 0 && self.keys[place] != key {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) {
        let mut wider = Table::with_places(self.keys.len() * 2);
        let keys = std::mem::take(&mut self.keys);
        let values = std::mem::take(&mut self.values);
        for (key, value) in keys.into_iter().zip(values) {
            let place = wider.place_of(key);
            if value.is_some() {
                wider.keys[place] = key;
                wider.values[place] = value;
            }
        }
        wider.len = self.len;
        *self = wider;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_holds_what_was_put_in() {
        let mut table = Table::default();
        for number in 0..5000_u64 {
            assert!(table.insert(of(&number), number));
            assert!(!table.insert(of(&number), number + 1));
        }
        assert_eq!(table.len(), 5000);
        assert!((0..5000_u64).all(|number| table.get(of(&number)) == Some(&number)));
        assert_eq!(table.get(of(&5000_u64)), None);
    }

    #[test]
    fn what_differs_little_differs_in_both_halves() {
        let mut halves: Vec<u64> = Vec::new();
        for (a, b) in (0..64_u64).flat_map(|a| (0..64_u64).map(move |b| (a, b))) {
            let print = of(&(a, b));
            halves.extend([(print >> 64) as u64, print as u64]);
        }
        let count = halves.len();
        halves.sort_unstable();
        halves.dedup();
        assert_eq!(halves.len(), count);
    }

    #[test]
    fn lengths_and_order_count() {
        assert_ne!(of(&(vec![1_u8], vec![2_u8, 3])), of(&(vec![1_u8, 2], vec![3_u8])));
        assert_ne!(of(&(1_u64, 2_u64)), of(&(2_u64, 1_u64)));
        assert_ne!(of(&"ab"), of(&"ba"));
    }
}
