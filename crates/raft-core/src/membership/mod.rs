//! Who belongs to the cluster, and whose word counts.
//!
//! A membership is one value, held whole in a log entry. The one in force is
//! always that of the last membership entry in the log, committed or not, or
//! the one the log starts from ([`SnapshotMeta`](crate::SnapshotMeta)); it is
//! looked up there ([`history`]) and never cached elsewhere, so that it steps
//! back by itself when its entry is replaced (Raft paper, section 6).
//!
//! ```text
//!            change of two or more voters             leave
//!   {a b c} ───────────────────────────▶ {a d e}+{a b c} ─────▶ {a d e}
//!      │    change of one voter                  joint
//!      └──────────────────────▶ {a b}
//! ```
//!
//! In the joint phase every decision needs a majority of the voters *and* a
//! majority of the outgoing voters. A change of a single voter needs no joint
//! phase: any majority of the old set meets any majority of the new one (thesis,
//! section 4.1), provided that the leader has committed in its own term first.

mod change;
mod codec;
pub(crate) mod history;
mod propose;
pub mod quorum;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;

pub use change::{Change, InvalidChange, Step};
pub use codec::MembershipDecodeError;

use crate::invariant::invariant;
use crate::types::NodeId;

/// The members of a cluster at one index of the log.
///
/// Invariants: voters, outgoing and leaving are members; no member is removed;
/// `leaving` is empty outside the joint phase.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Membership {
    /// Everybody who is replicated to, voter or not.
    pub members: BTreeMap<NodeId, Member>,
    /// The voters; in the joint phase those of the new set.
    pub voters: BTreeSet<NodeId>,
    /// In the joint phase the voters of the old set; otherwise empty.
    pub outgoing: BTreeSet<NodeId>,
    /// In the joint phase the members that go when it ends.
    pub leaving: BTreeSet<NodeId>,
    /// Ids that belonged to the cluster once. They are never used again.
    pub removed: BTreeSet<NodeId>,
    /// How the joint phase ends.
    pub leave: Leave,
}

/// What the cluster knows of one member.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// The random id of its data folder, once it is known. A member that comes
    /// with another one lost its votes and entries (rule 13).
    pub storage_id: Option<u64>,
    /// The caller's own data about the member (addresses, a name). The core
    /// gives it no meaning.
    pub context: Bytes,
}

/// How a joint phase ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leave {
    /// The leader proposes the end as soon as the joint membership is committed.
    #[default]
    Auto,
    /// Somebody proposes [`Change::LeaveJoint`].
    Explicit,
}

impl Membership {
    /// A membership of voters without any data about them.
    pub fn of_voters(ids: impl IntoIterator<Item = NodeId>) -> Membership {
        Membership::new(ids.into_iter().map(|id| (id, Member::default())))
    }

    /// A membership of voters: that of a new cluster.
    pub fn new(voters: impl IntoIterator<Item = (NodeId, Member)>) -> Membership {
        let members: BTreeMap<_, _> = voters.into_iter().collect();
        let voters = members.keys().copied().collect();
        Membership { members, voters, ..Membership::default() }
    }

    /// Whether two sets of voters decide together.
    pub fn is_joint(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Whether the node's word counts in any set in force.
    pub fn is_voter(&self, id: NodeId) -> bool {
        self.voters.contains(&id) || self.outgoing.contains(&id)
    }

    /// Whether the node is a member without a vote.
    pub fn is_learner(&self, id: NodeId) -> bool {
        self.members.contains_key(&id) && !self.is_voter(id)
    }

    /// The members without a vote.
    pub fn learners(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.members.keys().copied().filter(|id| !self.is_voter(*id))
    }

    /// All whose word counts in any set in force, in order, each once.
    pub fn all_voters(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.members.keys().copied().filter(|id| self.is_voter(*id))
    }

    /// The value that a majority of each set in force has reached, given what
    /// each voter has reached. Zero for a membership without voters.
    pub fn reached(&self, value: impl Fn(NodeId) -> u64) -> u64 {
        let voters = quorum::reached(&self.voters, &value);
        if self.is_joint() { voters.min(quorum::reached(&self.outgoing, &value)) } else { voters }
    }

    /// Whether a majority of each set in force agrees.
    pub fn agrees(&self, yes: impl Fn(NodeId) -> bool) -> bool {
        quorum::agrees(&self.voters, &yes)
            && (!self.is_joint() || quorum::agrees(&self.outgoing, &yes))
    }

    /// Whether `agrees` can still come true if everybody for whom `no` holds
    /// never agrees.
    pub fn can_agree(&self, no: impl Fn(NodeId) -> bool) -> bool {
        self.agrees(|id| !no(id))
    }

    /// Asserts the invariants of the type.
    ///
    /// # Panics
    ///
    /// If one is broken: the value was not made by this module.
    pub fn assert_valid(&self) {
        invariant!(self.is_valid(), "membership breaks its invariants: {self}");
    }

    pub(crate) fn is_valid(&self) -> bool {
        let member = |id: &NodeId| self.members.contains_key(id);
        self.voters.iter().all(member)
            && self.outgoing.iter().all(member)
            && self.leaving.iter().all(member)
            && self.removed.iter().all(|id| !member(id))
            && (self.is_joint() || self.leaving.is_empty())
            && self.leaving.iter().all(|id| !self.voters.contains(id))
            && (!self.voters.is_empty() || self.members.is_empty())
            && !self.members.contains_key(&NodeId(0))
    }
}

impl fmt::Display for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list<'a>(
            f: &mut fmt::Formatter<'_>,
            name: &str,
            ids: impl Iterator<Item = &'a NodeId>,
        ) -> fmt::Result {
            write!(f, "{name}")?;
            for (i, id) in ids.enumerate() {
                write!(f, "{}{id}", if i == 0 { "" } else { "," })?;
            }
            Ok(())
        }
        list(f, "voters=", self.voters.iter())?;
        if self.is_joint() {
            list(f, " outgoing=", self.outgoing.iter())?;
        }
        if self.learners().next().is_some() {
            let learners: Vec<_> = self.learners().collect();
            list(f, " learners=", learners.iter())?;
        }
        if !self.leaving.is_empty() {
            list(f, " leaving=", self.leaving.iter())?;
        }
        if !self.removed.is_empty() {
            list(f, " removed=", self.removed.iter())?;
        }
        if self.is_joint() && self.leave == Leave::Explicit {
            f.write_str(" leave=explicit")?;
        }
        Ok(())
    }
}
