//! What goes wrong, and when.
//!
//! ```text
//!   seed ─▶ Plan: Planned 1, Planned 2, …      drawn before the run, as a list
//!                    │ its time comes
//!                    ▼
//!                 Fault, at the nodes that are there by then
//! ```
//!
//! A plan depends on the seed alone, never on what happens in the run, and each of
//! its faults brings its own luck for all that has yet to be drawn. So any of them
//! can be left out and the others stay as they are, which is what makes a failure
//! small enough to be read.

mod ambush;
mod plan;
mod sort;
mod temper;

use std::fmt;

use raft_core::NodeId;

pub use ambush::{Ambush, Blow, Moment};
pub use plan::{Plan, Planned};
pub use sort::Sort;
pub use temper::Temper;

/// One thing that goes wrong, or that an operator does, with all that was drawn.
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
    /// Whatever is read from a disk comes late for so many microseconds.
    SlowReads(NodeId, u64),
    /// A disk has only so many more bytes of room, for so many microseconds.
    FillDisk(NodeId, u64, u64),
    /// A process is killed, and some of what was durable on its disk is not as it was
    /// written.
    DamageDisk(NodeId),
    /// A machine comes back with an empty disk.
    WipeDisk(NodeId),
    /// A clock jumps ahead by so many microseconds.
    JumpClock(NodeId, u64),
    /// Frames from the first to the second are kept back for so many microseconds.
    Clog(NodeId, NodeId, u64),
    /// For so many microseconds frames between the two take so many longer.
    SlowLink(NodeId, NodeId, u64, u64),
    /// The first is told that the second's process is gone, which it is not.
    FalseGone(NodeId, NodeId),
    /// All but the leader and some others are told that it is gone, which it is not, and
    /// what they send to it is kept back for so many microseconds.
    Depose(u64),
    /// The same, but what is sent between the two sides is lost.
    DeposeAndCut(u64),
    /// Something happens to whoever comes to a certain moment.
    Ambush(Ambush),
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
    /// An operator removes the leader.
    RemoveLeader,
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
            Fault::SlowReads(node, us) => write!(f, "slow reads on {node} for {} ms", us / 1000),
            Fault::FillDisk(node, bytes, us) => {
                write!(f, "room for {bytes} bytes on {node} for {} ms", us / 1000)
            }
            Fault::DamageDisk(node) => write!(f, "kill {node}, damage its disk"),
            Fault::WipeDisk(node) => write!(f, "empty disk for {node}"),
            Fault::JumpClock(node, us) => {
                write!(f, "clock of {node} jumps by {} ms", us / 1000)
            }
            Fault::Clog(from, to, us) => write!(f, "clog {from}→{to} for {} ms", us / 1000),
            Fault::SlowLink(one, other, us, slower_us) => {
                let (ms, slower_ms) = (us / 1000, slower_us / 1000);
                write!(f, "slow {one}↔{other} down by {slower_ms} ms for {ms} ms")
            }
            Fault::FalseGone(to, peer) => write!(f, "tell {to} that {peer} is gone"),
            Fault::Depose(us) => write!(f, "depose the leader for {} ms", us / 1000),
            Fault::DeposeAndCut(us) => {
                write!(f, "depose the leader and cut it off for {} ms", us / 1000)
            }
            Fault::Ambush(ambush) => write!(f, "ambush {ambush}"),
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
            Fault::RemoveLeader => f.write_str("remove the leader"),
            Fault::Replace => f.write_str("replace a member"),
            Fault::ReplaceSeveral => f.write_str("replace several members"),
        }
    }
}
