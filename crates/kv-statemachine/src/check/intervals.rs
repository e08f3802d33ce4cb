//! A set of keys, kept as intervals.

use std::collections::BTreeMap;

use bytes::Bytes;

/// A union of half-open intervals of keys, kept disjoint, so that the question
/// whether a key is in it costs one look-up.
#[derive(Debug, Default)]
pub(super) struct Intervals {
    /// By start: the end.
    ends: BTreeMap<Bytes, Bytes>,
}

impl Intervals {
    /// Takes in the keys from `start` up to, not including, `end`: none if
    /// `end` is not above `start`.
    pub(super) fn insert(&mut self, start: Bytes, end: Bytes) {
        if end <= start {
            return;
        }
        let (mut start, mut end) = (start, end);
        if let Some((before, before_end)) = self.ends.range(..=start.clone()).next_back()
            && *before_end >= start
        {
            end = end.max(before_end.clone());
            start = before.clone();
        }
        while let Some((inside, inside_end)) = self.ends.range(start.clone()..=end.clone()).next() {
            let inside = inside.clone();
            end = end.max(inside_end.clone());
            self.ends.remove(&inside);
        }
        self.ends.insert(start, end);
    }

    /// Takes in all of the other.
    pub(super) fn union(&mut self, other: Intervals) {
        for (start, end) in other.ends {
            self.insert(start, end);
        }
    }

    /// Whether the key is in it.
    pub(super) fn contains(&self, key: &[u8]) -> bool {
        let upto = (std::ops::Bound::Unbounded, std::ops::Bound::Included(key));
        self.ends.range::<[u8], _>(upto).next_back().is_some_and(|(_, end)| key < end.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every set of up to four intervals over six keys, against a plain list.
    #[test]
    fn holds_what_a_list_of_intervals_holds() {
        let key = |n: usize| Bytes::from(vec![b'a' + n as u8]);
        for case in 0..36usize.pow(3) {
            let mut set = Intervals::default();
            let mut list = Vec::new();
            let mut rest = case;
            for _ in 0..3 {
                let (start, end) = (rest % 6, rest / 6 % 6);
                rest /= 36;
                set.insert(key(start), key(end));
                list.push((start, end));
            }
            for n in 0..6 {
                let expected = list.iter().any(|(start, end)| *start <= n && n < *end);
                assert_eq!(set.contains(&key(n)), expected, "key {n} in {list:?}");
            }
            let ends: Vec<_> = set.ends.iter().collect();
            assert!(ends.windows(2).all(|w| w[0].1 < w[1].0), "not disjoint: {ends:?}");
        }
    }
}
