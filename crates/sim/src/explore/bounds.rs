//! How much may happen.

use std::fmt;

use raft_core::{NodeId, Term};

use super::history::{id_of, place_of};

/// The most nodes there can be.
pub const MAX_NODES: usize = 5;

/// So many for each node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PerNode([u8; MAX_NODES]);

impl PerNode {
    /// So many for node 1, 2, 3 …
    pub const fn of<const N: usize>(counts: [u8; N]) -> PerNode {
        let mut all = [0; MAX_NODES];
        let mut at = 0;
        while at < N {
            all[at] = counts[at];
            at += 1;
        }
        PerNode(all)
    }

    /// How many this node has.
    pub fn get(&self, id: NodeId) -> u8 {
        self.0.get(place_of(id)).copied().unwrap_or(0)
    }

    /// One less for this node, which has one; says which node.
    pub fn pay(&mut self, id: NodeId) -> NodeId {
        self.0[place_of(id)] -= 1;
        id
    }
}

/// What may happen, and how often, on the whole way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Election deadlines that pass.
    pub stands: PerNode,
    /// Leaders that resign, for they hear no quorum.
    pub resigns: PerNode,
    /// Heartbeats of leaders, but for those that confirm reads.
    pub beats: PerNode,
    /// Crashes, each followed by a start at once: how long a node is away does not
    /// matter where messages take as long as they like.
    pub crashes: PerNode,
    /// Reads, asked at this node.
    pub reads: PerNode,
    /// Streams that break, as the leader sees them.
    pub breaks: PerNode,
    /// Reports, true or not, that a peer's process is gone, given to this node.
    pub reports: PerNode,
    /// Leaderships handed over, by this leader.
    pub transfers: PerNode,
    /// Commands, at whoever leads.
    pub commands: u8,
    /// Membership changes, at whoever leads.
    pub changes: u8,
}

/// All bounds of an exploration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Nobody stands for election in a later term.
    pub last_term: Term,
    /// What may happen.
    pub budget: Budget,
    /// Whose disk takes its time.
    pub slow_disks: PerNode,
    /// Whose state machine takes its time.
    pub slow_states: PerNode,
    /// Whose reads of old entries take their time.
    pub slow_fetches: PerNode,
}

impl fmt::Display for PerNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (place, count) in self.0.iter().enumerate().filter(|(_, count)| **count > 0) {
            if !std::mem::take(&mut first) {
                f.write_str(" ")?;
            }
            write!(f, "{}", id_of(place))?;
            if *count > 1 {
                write!(f, "×{count}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Budget { stands, resigns, beats, crashes, reads, breaks, commands, changes, .. } =
            &self.budget;
        write!(f, "terms to {}", self.last_term)?;
        let per_node = [
            ("elections", stands),
            ("resignations", resigns),
            ("heartbeats", beats),
            ("crashes", crashes),
            ("reads", reads),
            ("broken streams", breaks),
            ("reports of peers gone", &self.budget.reports),
            ("transfers", &self.budget.transfers),
            ("slow disks", &self.slow_disks),
            ("slow states", &self.slow_states),
            ("slow fetches", &self.slow_fetches),
        ];
        for (name, counts) in per_node.iter().filter(|(_, counts)| **counts != PerNode::default()) {
            write!(f, ", {name} {counts}")?;
        }
        let counts = [("commands", commands), ("changes", changes)];
        for (name, count) in counts.iter().filter(|(_, count)| **count > 0) {
            write!(f, ", {name} {count}")?;
        }
        Ok(())
    }
}
