//! The log is purged only up to what the state on the disk has applied and what a
//! complete snapshot covers; beyond that it is the only copy.

use super::{Fact, Invariant, Known, Sort};

/// Looks at each purge.
#[derive(Debug)]
pub struct PurgeBound;

impl Invariant for PurgeBound {
    fn name(&self) -> &'static str {
        "purges stay below the durable state and the newest snapshot"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Purging]
    }

    fn check(&mut self, _: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Purging { node, upto, durable, snapshot } = fact else { return Ok(()) };
        if upto <= durable.min(snapshot) {
            return Ok(());
        }
        Err(format!(
            "{node} purges up to {upto}; its durable state is at {durable}, its newest \
             snapshot at {snapshot}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use raft_core::{Index, NodeId};

    use super::super::testing::History;
    use super::*;

    #[test]
    fn a_purge_beyond_either_is_rejected() {
        let mut history = History::of(PurgeBound);
        let purge = |upto, durable, snapshot| Fact::Purging {
            node: NodeId(1),
            upto: Index(upto),
            durable: Index(durable),
            snapshot: Index(snapshot),
        };
        history.accepts(&purge(3, 3, 4));
        history.rejects(&purge(4, 3, 4));
        history.rejects(&purge(5, 6, 4));
    }
}
