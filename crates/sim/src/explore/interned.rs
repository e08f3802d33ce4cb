//! Values by number, each kept once.
//!
//! A cluster of few nodes comes to millions of states, but its nodes, its messages and
//! its pasts are few thousand different ones, in ever new combinations. So a state is
//! a handful of numbers.

use super::fingerprint::{Fingerprint, Table};

/// Values in the order in which they were met.
#[derive(Debug)]
pub struct Interned<T> {
    numbers: Table<u32>,
    values: Vec<T>,
}

impl<T> Default for Interned<T> {
    fn default() -> Interned<T> {
        Interned { numbers: Table::default(), values: Vec::new() }
    }
}

impl<T> Interned<T> {
    /// The number of a value with this fingerprint, which is made if it is new.
    ///
    /// # Panics
    ///
    /// If there are more than 2³² values.
    pub fn number(&mut self, print: Fingerprint, value: impl FnOnce() -> T) -> u32 {
        if let Some(number) = self.numbers.get(print) {
            return *number;
        }
        let number = u32::try_from(self.values.len()).expect("values are numbered in 32 bits");
        self.numbers.insert(print, number);
        self.values.push(value());
        number
    }

    /// The number of the value with this fingerprint, if it was met.
    pub fn find(&self, print: Fingerprint) -> Option<u32> {
        self.numbers.get(print).copied()
    }

    /// The value of a number that [`Interned::number`] gave.
    pub fn get(&self, number: u32) -> &T {
        &self.values[number as usize]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fingerprint;
    use super::*;

    #[test]
    fn equal_values_have_one_number() {
        let mut words = Interned::default();
        let mut number = |word: &'static str| words.number(fingerprint::of(&word), || word);
        let numbers = ["a", "b", "a", "c", "b"].map(&mut number);
        assert_eq!(numbers, [0, 1, 0, 2, 1]);
        assert_eq!((words.len(), *words.get(2)), (3, "c"));
        assert_eq!(words.find(fingerprint::of(&"d")), None);
    }
}
