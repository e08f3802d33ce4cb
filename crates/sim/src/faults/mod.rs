//! What goes wrong, and when: drawn beforehand from a stream of its own.
//!
//! Each run has a temper: how often something happens, and which kinds of faults
//! happen at all. Runs that know few kinds of faults find what runs that know
//! all of them drown (swarm testing: Groce and others, 2012).

mod temper;

use std::fmt;

use raft_core::{NodeId, Time};

pub use temper::Temper;

use crate::rng::Rng;

/// One thing that goes wrong, or that an operator does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A process is killed; its machine goes on, so what was written survives.
    Kill(NodeId),
    /// All processes are killed at once.
    KillAll,
    /// A machine loses its power: what was not synced may be lost or torn.
    PowerLoss(NodeId),
    /// All machines lose their power at once.
    PowerLossAll,
    /// A machine loses its power in the middle of a turn, after so many more
    /// operations on its disk.
    CrashInTurn(NodeId, u64),
    /// A machine loses its power while its log writes the next group.
    CrashInGroup(NodeId),
    /// A disk refuses an operation, after so many more; everything after that
    /// works again, but the node has stopped.
    DiskError(NodeId, u64),
    /// A process stands still for so many microseconds.
    Pause(NodeId, u64),
    /// A disk is slow for so many microseconds.
    SlowDisk(NodeId, u64),
    /// Frames get lost from the first to the second.
    CutOneWay(NodeId, NodeId),
    /// Frames get lost between the two.
    CutBothWays(NodeId, NodeId),
    /// A node gets through to nobody.
    Isolate(NodeId),
    /// Nodes get through within their group only.
    Partition(Vec<Vec<NodeId>>),
    /// All links work again.
    Heal,
    /// An operator hands the leadership over, to a node of his choice or the
    /// cluster's.
    Transfer(Option<NodeId>),
    /// An operator adds a node without a vote.
    AddLearner,
    /// An operator gives a learner a vote, or adds one if there is none.
    Promote,
    /// An operator removes a member.
    Remove,
    /// An operator replaces a member by a new node, in one change.
    Replace,
    /// An operator replaces several members at once.
    ReplaceSeveral,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Kill(node) => write!(f, "kill {node}"),
            Fault::KillAll => f.write_str("kill all"),
            Fault::PowerLoss(node) => write!(f, "power loss of {node}"),
            Fault::PowerLossAll => f.write_str("power loss of all"),
            Fault::CrashInTurn(node, after) => {
                write!(f, "power loss of {node} after {after} operations on its disk")
            }
            Fault::CrashInGroup(node) => write!(f, "power loss of {node} while it writes its log"),
            Fault::DiskError(node, after) => {
                write!(f, "disk error on {node} after {after} operations")
            }
            Fault::Pause(node, us) => write!(f, "pause {node} for {} ms", us / 1000),
            Fault::SlowDisk(node, us) => write!(f, "slow disk on {node} for {} ms", us / 1000),
            Fault::CutOneWay(from, to) => write!(f, "cut {from}→{to}"),
            Fault::CutBothWays(one, other) => write!(f, "cut {one}↔{other}"),
            Fault::Isolate(node) => write!(f, "isolate {node}"),
            Fault::Partition(groups) => write!(f, "partition {groups:?}"),
            Fault::Heal => f.write_str("heal the network"),
            Fault::Transfer(Some(node)) => write!(f, "hand the leadership to {node}"),
            Fault::Transfer(None) => f.write_str("hand the leadership over"),
            Fault::AddLearner => f.write_str("add a learner"),
            Fault::Promote => f.write_str("promote a learner"),
            Fault::Remove => f.write_str("remove a member"),
            Fault::Replace => f.write_str("replace a member"),
            Fault::ReplaceSeveral => f.write_str("replace several members"),
        }
    }
}

/// Draws the faults of one run.
#[derive(Debug)]
pub struct Planner {
    rng: Rng,
    temper: Temper,
}

impl Planner {
    /// A planner with a temper of its own.
    pub fn new(mut rng: Rng) -> Planner {
        let temper = Temper::draw(&mut rng);
        Planner { rng, temper }
    }

    /// When the next fault comes.
    pub fn next_time(&mut self, now: Time) -> Time {
        Time(now.0 + self.rng.between(1, 2 * self.temper.interval_us))
    }

    /// What comes, to one of these nodes; `None` if there are none.
    pub fn next_fault(&mut self, nodes: &[NodeId]) -> Option<Fault> {
        let &node = self.rng.pick(nodes)?;
        let &other = self.rng.pick(nodes)?;
        let rng = &mut self.rng;
        let fault = match self.temper.pick(rng) {
            temper::Sort::Kill => Fault::Kill(node),
            temper::Sort::KillAll => Fault::KillAll,
            temper::Sort::PowerLoss => Fault::PowerLoss(node),
            temper::Sort::PowerLossAll => Fault::PowerLossAll,
            temper::Sort::CrashInTurn => Fault::CrashInTurn(node, rng.between(1, 15)),
            temper::Sort::CrashInGroup => Fault::CrashInGroup(node),
            temper::Sort::DiskError => Fault::DiskError(node, rng.between(1, 15)),
            temper::Sort::Pause => Fault::Pause(node, rng.between(10_000, 2_000_000)),
            temper::Sort::SlowDisk => Fault::SlowDisk(node, rng.between(100_000, 3_000_000)),
            temper::Sort::CutOneWay if node != other => Fault::CutOneWay(node, other),
            temper::Sort::CutBothWays if node != other => Fault::CutBothWays(node, other),
            temper::Sort::Partition if nodes.len() > 1 => Fault::Partition(groups(nodes, rng)),
            temper::Sort::Isolate
            | temper::Sort::CutOneWay
            | temper::Sort::CutBothWays
            | temper::Sort::Partition => Fault::Isolate(node),
            temper::Sort::Heal => Fault::Heal,
            temper::Sort::Transfer => Fault::Transfer(rng.one_in(2).then_some(node)),
            temper::Sort::AddLearner => Fault::AddLearner,
            temper::Sort::Promote => Fault::Promote,
            temper::Sort::Remove => Fault::Remove,
            temper::Sort::Replace => Fault::Replace,
            temper::Sort::ReplaceSeveral => Fault::ReplaceSeveral,
        };
        Some(fault)
    }

    /// How long a dead process stays dead, in microseconds: often long enough for
    /// the others to elect, sometimes not.
    pub fn downtime_us(&mut self) -> u64 {
        match self.rng.below(3) {
            0 => self.rng.between(1_000, 50_000),
            1 => self.rng.between(50_000, 1_000_000),
            _ => self.rng.between(500_000, 5_000_000),
        }
    }
}

/// Two groups, or sometimes three; none is empty unless there are too few nodes.
fn groups(nodes: &[NodeId], rng: &mut Rng) -> Vec<Vec<NodeId>> {
    let mut nodes = nodes.to_vec();
    rng.shuffle(&mut nodes);
    let first = rng.between(1, nodes.len() as u64 - 1) as usize;
    let mut rest = nodes.split_off(first);
    if rest.len() > 1 && rng.one_in(4) {
        let third = rest.split_off(1);
        return vec![nodes, rest, third];
    }
    vec![nodes, rest]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_has_every_node_once() {
        let mut rng = Rng::new(2);
        let nodes: Vec<NodeId> = (1..=5).map(NodeId).collect();
        for _ in 0..100 {
            let groups = groups(&nodes, &mut rng);
            assert!(groups.len() >= 2 && groups.iter().all(|group| !group.is_empty()));
            let mut all: Vec<NodeId> = groups.concat();
            all.sort_unstable();
            assert_eq!(all, nodes);
        }
    }

    #[test]
    fn a_single_node_has_faults_too() {
        let mut planner = Planner::new(Rng::new(3));
        for _ in 0..500 {
            let fault = planner.next_fault(&[NodeId(1)]).expect("there is a node");
            assert!(!matches!(fault, Fault::Partition(_) | Fault::CutOneWay(..)), "{fault}");
        }
        assert_eq!(planner.next_fault(&[]), None);
    }
}
