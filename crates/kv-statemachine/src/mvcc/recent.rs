//! The rows of `latest` that were written not long ago.

use std::collections::BTreeMap;

use bytes::Bytes;

/// How many bytes one generation holds; there are two.
const GENERATION_BYTES: usize = 8 * 1024 * 1024;

/// What a row takes beside its bytes, roughly.
const ROW_OVERHEAD: usize = 128;

/// The rows of `latest` that were written not long ago: whoever writes a key again
/// needs the row that is superseded, and asking the store for it costs more than
/// all else that applying does. It holds nothing that the store does not show too,
/// so it may be forgotten at any time.
///
/// Rows are kept in two generations. When the young one is full it becomes the old
/// one, and what was in the old one and not written since is forgotten.
pub(crate) struct Recent {
    young: BTreeMap<Bytes, Bytes>,
    old: BTreeMap<Bytes, Bytes>,
    /// Of the young generation.
    bytes: usize,
    generation_bytes: usize,
}

impl Recent {
    pub fn get(&self, key: &[u8]) -> Option<&Bytes> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// The row of a key is this one now, or there is none any more.
    pub fn set(&mut self, key: &[u8], row: Option<&Bytes>) {
        self.old.remove(key);
        if let Some(before) = self.young.remove(key) {
            self.bytes -= size(key, &before);
        }
        let Some(row) = row else { return };
        let size = size(key, row);
        if size > self.generation_bytes / 16 {
            return;
        }
        if self.bytes + size > self.generation_bytes {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        // The key may be a part of a large command, which it must not keep.
        self.young.insert(Bytes::copy_from_slice(key), row.clone());
        self.bytes += size;
    }
}

impl Default for Recent {
    fn default() -> Recent {
        Recent {
            young: BTreeMap::new(),
            old: BTreeMap::new(),
            bytes: 0,
            generation_bytes: GENERATION_BYTES,
        }
    }
}

fn size(key: &[u8], row: &Bytes) -> usize {
    key.len() + row.len() + ROW_OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent(generation_bytes: usize) -> Recent {
        Recent { generation_bytes, ..Recent::default() }
    }

    fn row(fill: u8) -> Bytes {
        vec![fill; 100].into()
    }

    #[test]
    fn the_last_row_counts() {
        let mut recent = recent(10_000);
        assert_eq!(recent.get(b"a"), None);
        recent.set(b"a", Some(&row(1)));
        recent.set(b"a", Some(&row(2)));
        recent.set(b"b", Some(&row(3)));
        assert_eq!(recent.get(b"a"), Some(&row(2)));
        recent.set(b"a", None);
        assert_eq!(recent.get(b"a"), None);
        assert_eq!(recent.get(b"b"), Some(&row(3)));
    }

    #[test]
    fn what_is_not_written_for_long_is_forgotten_and_nothing_old_comes_back() {
        let mut recent = recent(10_000);
        recent.set(b"kept", Some(&row(0)));
        recent.set(b"lost", Some(&row(0)));
        for number in 0..200_u32 {
            recent.set(&number.to_be_bytes(), Some(&row(1)));
            recent.set(b"kept", Some(&row(number as u8)));
            assert_eq!(recent.get(b"kept"), Some(&row(number as u8)));
            let held: usize = recent.young.iter().map(|(key, row)| size(key, row)).sum();
            assert_eq!(recent.bytes, held);
            assert!(held <= 10_000);
        }
        assert_eq!(recent.get(b"lost"), None);
        assert_eq!(recent.get(&199_u32.to_be_bytes()), Some(&row(1)));
        recent.set(b"kept", None);
        assert_eq!(recent.get(b"kept"), None);
    }

    #[test]
    fn a_row_too_large_to_be_held_replaces_the_one_before() {
        let mut recent = recent(10_000);
        recent.set(b"a", Some(&row(1)));
        recent.set(b"a", Some(&vec![2; 1000].into()));
        assert_eq!(recent.get(b"a"), None);
    }
}
