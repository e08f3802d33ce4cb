//! Majorities, as pure functions of a set of voters.

use std::collections::BTreeSet;

use crate::types::NodeId;

/// How many of `voters` make a majority.
pub fn majority(voters: u64) -> u64 {
    voters / 2 + 1
}

/// Whether a majority says yes. No voters, no majority.
pub fn agrees(voters: &BTreeSet<NodeId>, yes: impl Fn(NodeId) -> bool) -> bool {
    let count = voters.iter().filter(|id| yes(**id)).count() as u64;
    !voters.is_empty() && count >= majority(voters.len() as u64)
}

/// The highest value that a majority has reached; zero without voters.
///
/// With the values in descending order it is the one at the place that makes
/// the majority full:
///
/// ```text
///   values 9 7 4 | 4 2      five voters, majority 3 → 4
/// ```
pub fn reached(voters: &BTreeSet<NodeId>, value: impl Fn(NodeId) -> u64) -> u64 {
    // Clusters are small: up to this many voters the values need no allocation.
    const INLINE: usize = 16;
    if voters.is_empty() {
        return 0;
    }
    let middle = (majority(voters.len() as u64) - 1) as usize;
    let descending = |values: &mut [u64]| {
        values.sort_unstable_by(|a, b| b.cmp(a));
        values[middle]
    };
    if voters.len() <= INLINE {
        let mut values = [0; INLINE];
        for (slot, id) in values.iter_mut().zip(voters) {
            *slot = value(*id);
        }
        descending(&mut values[..voters.len()])
    } else {
        descending(&mut voters.iter().map(|id| value(*id)).collect::<Vec<_>>())
    }
}
