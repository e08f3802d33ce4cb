//! The keys and the value of a load.

use bytes::Bytes;

use super::plan::Order;

/// The key of call number `call` among `keys` keys: a decimal number, filled up
/// with zeros to `size` bytes.
pub(super) fn key(call: u64, order: Order, keys: u64, size: usize) -> Bytes {
    let number = match order {
        Order::Sequential => call % keys,
        Order::Random => mix(call) % keys,
    };
    format!("{number:0size$}").into()
}

/// A value that no compression makes shorter, the same in each run.
pub(super) fn value(size: usize) -> Bytes {
    let words = (0..).flat_map(|number| mix(number).to_le_bytes());
    words.take(size).collect()
}

/// How many keys of `size` decimal digits there are, at most.
pub(super) fn capacity(size: usize) -> u64 {
    u32::try_from(size).ok().and_then(|digits| 10_u64.checked_pow(digits)).unwrap_or(u64::MAX)
}

/// Numbers that look random: the finalizer of splitmix64.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_have_their_size_and_stay_in_their_space() {
        assert_eq!(key(3, Order::Sequential, 10, 8), "00000003");
        assert_eq!(key(13, Order::Sequential, 10, 8), "00000003");
        let keys: BTreeSet<Bytes> =
            (0..1000).map(|call| key(call, Order::Random, 100, 8)).collect();
        assert_eq!(keys.len(), 100, "1000 calls reach all of 100 keys");
        assert!(keys.iter().all(|key| key.len() == 8 && key.as_ref() < b"00000100".as_slice()));
    }

    #[test]
    fn sizes_are_exact() {
        assert_eq!(value(0).len(), 0);
        assert_eq!(value(13).len(), 13);
        assert_eq!(value(256), value(256));
        assert_eq!(capacity(2), 100);
        assert_eq!(capacity(40), u64::MAX);
    }
}
