//! All nodes have the same state after the same entries: a replicated machine is
//! a function of its log.

use std::collections::BTreeMap;

use kv_statemachine::StateHash;
use raft_core::{Index, NodeId};

use super::{Fact, Invariant, Known, Sort};

/// The first hash seen after each index, and whose it was.
#[derive(Debug, Default)]
pub struct EqualHashes {
    hashes: BTreeMap<Index, (StateHash, NodeId)>,
}

impl Invariant for EqualHashes {
    fn name(&self) -> &'static str {
        "equal states after equal logs"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Hashed]
    }

    fn check(&mut self, _: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Hashed { node, index, hash } = fact else { return Ok(()) };
        let (first, other) = *self.hashes.entry(*index).or_insert((*hash, *node));
        if first == *hash {
            return Ok(());
        }
        Err(format!("after entry {index} the state is {first} on {other} and {hash} on {node}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::History;
    use super::*;

    #[test]
    fn two_hashes_at_one_index_are_rejected() {
        let mut history = History::of(EqualHashes::default());
        let hashed = |node, index, hash| Fact::Hashed {
            node: NodeId(node),
            index: Index(index),
            hash: StateHash(hash),
        };
        history.accepts(&hashed(1, 4, 44));
        history.accepts(&hashed(2, 4, 44));
        history.accepts(&hashed(2, 5, 55));
        history.rejects(&hashed(3, 5, 44));
    }
}
