//! Randomised election timeouts without a random number generator.

use std::time::Duration;

use crate::types::{Incarnation, NodeId, Term};

/// Spreads election timeouts (Raft paper, section 5.2). Each draw is a hash of
/// the node, its life, the term and a counter: equal inputs give equal delays,
/// different nodes different ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Jitter {
    node: NodeId,
    incarnation: Incarnation,
    attempt: u64,
}

impl Jitter {
    pub(crate) fn new(node: NodeId, incarnation: Incarnation) -> Jitter {
        Jitter { node, incarnation, attempt: 0 }
    }

    /// The next delay, below `span`, in whole microseconds.
    pub(crate) fn draw(&mut self, term: Term, span: Duration) -> Duration {
        self.attempt += 1;
        let mut hash = 0;
        for word in [self.incarnation.0, self.node.0, term.0, self.attempt] {
            hash = mix(hash ^ word);
        }
        let span = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(hash.checked_rem(span).unwrap_or(0))
    }
}

/// A step of SplitMix64: adds the golden ratio, then mixes all bits.
fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
