//! From one membership to the next.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;

use super::{Leave, Member, Membership};
use crate::types::NodeId;

/// A change of who belongs to the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// Do these steps together. If they change more than one voter, the cluster
    /// passes through a joint phase.
    Steps {
        /// The steps, one after another on the same value.
        steps: Vec<Step>,
        /// How a joint phase ends, if there is one.
        leave: Leave,
    },
    /// End the joint phase.
    LeaveJoint,
}

/// One step of a [`Change`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Add a voter, or make a learner one.
    AddVoter {
        /// The node.
        id: NodeId,
        /// The caller's data about it; ignored for a learner, which has it already.
        context: Bytes,
    },
    /// Add a member without a vote.
    AddLearner {
        /// The node.
        id: NodeId,
        /// The caller's data about it.
        context: Bytes,
    },
    /// Give a learner a vote.
    Promote(NodeId),
    /// Take a voter's vote and keep it as a learner.
    Demote(NodeId),
    /// Remove a member. Its id is never used again.
    Remove(NodeId),
    /// Replace the caller's data about a member.
    SetContext {
        /// The member.
        id: NodeId,
        /// The new data.
        context: Bytes,
    },
    /// Record the id of a member's data folder, at first contact.
    SetStorage {
        /// The member.
        id: NodeId,
        /// The folder's id.
        storage_id: u64,
    },
}

/// Why a [`Change`] makes no sense on a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InvalidChange {
    /// It would change nothing.
    Empty,
    /// Node 0 stands for nobody.
    NodeZero,
    /// The node is a member already.
    AlreadyMember(NodeId),
    /// The node is no member.
    NotMember(NodeId),
    /// The node has a vote already.
    AlreadyVoter(NodeId),
    /// The node has no vote.
    NotVoter(NodeId),
    /// The id was removed once, and ids are never used again.
    IdUsed(NodeId),
    /// The member's data folder has another id already.
    OtherStorage(NodeId),
    /// No voter would be left.
    NoVoters,
    /// The cluster is in no joint phase.
    NotJoint,
    /// The cluster is in a joint phase, which has to end first.
    Joint,
}

impl Membership {
    /// The membership after `change`.
    ///
    /// # Errors
    ///
    /// If the change makes no sense on this membership.
    pub fn changed(&self, change: &Change) -> Result<Membership, InvalidChange> {
        let next = match change {
            Change::LeaveJoint => self.left()?,
            Change::Steps { .. } if self.is_joint() => return Err(InvalidChange::Joint),
            Change::Steps { steps, leave } => self.after_steps(steps, *leave)?,
        };
        next.assert_valid();
        Ok(next)
    }

    /// The membership after the joint phase.
    fn left(&self) -> Result<Membership, InvalidChange> {
        if !self.is_joint() {
            return Err(InvalidChange::NotJoint);
        }
        let mut next = self.clone();
        next.outgoing.clear();
        next.leave = Leave::Auto;
        next.remove_leaving();
        Ok(next)
    }

    fn after_steps(&self, steps: &[Step], leave: Leave) -> Result<Membership, InvalidChange> {
        let mut next = self.clone();
        for step in steps {
            next.take_step(step)?;
        }
        if next == *self {
            return Err(InvalidChange::Empty);
        }
        if next.voters.is_empty() {
            return Err(InvalidChange::NoVoters);
        }
        if voters_changed(&self.voters, &next.voters) > 1 {
            next.outgoing = self.voters.clone();
            next.leave = leave;
        } else {
            next.remove_leaving();
        }
        Ok(next)
    }

    /// One step on the value in the making, where those to be removed are only
    /// marked as leaving.
    fn take_step(&mut self, step: &Step) -> Result<(), InvalidChange> {
        match step {
            Step::AddVoter { id, .. } if self.is_present(*id) => self.promote(*id),
            Step::AddVoter { id, context } => {
                self.add(*id, context)?;
                self.promote(*id)
            }
            Step::AddLearner { id, context } => self.add(*id, context),
            Step::Promote(id) => self.promote(*id),
            Step::Demote(id) => {
                self.present(*id)?;
                if !self.voters.remove(id) {
                    return Err(InvalidChange::NotVoter(*id));
                }
                Ok(())
            }
            Step::Remove(id) => {
                self.present(*id)?;
                self.voters.remove(id);
                self.leaving.insert(*id);
                Ok(())
            }
            Step::SetContext { id, context } => {
                self.present(*id)?.context = context.clone();
                Ok(())
            }
            Step::SetStorage { id, storage_id } => {
                let member = self.present(*id)?;
                if member.storage_id.is_some_and(|known| known != *storage_id) {
                    return Err(InvalidChange::OtherStorage(*id));
                }
                member.storage_id = Some(*storage_id);
                Ok(())
            }
        }
    }

    fn add(&mut self, id: NodeId, context: &Bytes) -> Result<(), InvalidChange> {
        if id == NodeId(0) {
            return Err(InvalidChange::NodeZero);
        }
        if self.removed.contains(&id) || self.leaving.contains(&id) {
            return Err(InvalidChange::IdUsed(id));
        }
        if self.members.contains_key(&id) {
            return Err(InvalidChange::AlreadyMember(id));
        }
        self.members.insert(id, Member { storage_id: None, context: context.clone() });
        Ok(())
    }

    fn promote(&mut self, id: NodeId) -> Result<(), InvalidChange> {
        self.present(id)?;
        if !self.voters.insert(id) {
            return Err(InvalidChange::AlreadyVoter(id));
        }
        Ok(())
    }

    fn is_present(&self, id: NodeId) -> bool {
        self.members.contains_key(&id) && !self.leaving.contains(&id)
    }

    fn present(&mut self, id: NodeId) -> Result<&mut Member, InvalidChange> {
        if !self.is_present(id) {
            return Err(InvalidChange::NotMember(id));
        }
        self.members.get_mut(&id).ok_or(InvalidChange::NotMember(id))
    }

    fn remove_leaving(&mut self) {
        for id in std::mem::take(&mut self.leaving) {
            self.members.remove(&id);
            self.removed.insert(id);
        }
    }
}

/// How many votes differ. Up to one, every majority of the one set meets every
/// majority of the other.
fn voters_changed(old: &BTreeSet<NodeId>, new: &BTreeSet<NodeId>) -> usize {
    old.symmetric_difference(new).count()
}

impl fmt::Display for InvalidChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidChange::Empty => f.write_str("nothing would change"),
            InvalidChange::NodeZero => f.write_str("id 0 stands for nobody"),
            InvalidChange::AlreadyMember(id) => write!(f, "{id} is a member already"),
            InvalidChange::NotMember(id) => write!(f, "{id} is not a member"),
            InvalidChange::AlreadyVoter(id) => write!(f, "{id} is a voter already"),
            InvalidChange::NotVoter(id) => write!(f, "{id} is not a voter"),
            InvalidChange::IdUsed(id) => {
                write!(f, "{id} was removed once, and ids are never used again")
            }
            InvalidChange::OtherStorage(id) => write!(f, "{id} has another data folder"),
            InvalidChange::NoVoters => f.write_str("no voter would be left"),
            InvalidChange::NotJoint => f.write_str("the cluster is in no joint phase"),
            InvalidChange::Joint => f.write_str("a joint phase has to end first"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::AddVoter { id, .. } => write!(f, "add-voter {id}"),
            Step::AddLearner { id, .. } => write!(f, "add-learner {id}"),
            Step::Promote(id) => write!(f, "promote {id}"),
            Step::Demote(id) => write!(f, "demote {id}"),
            Step::Remove(id) => write!(f, "remove {id}"),
            Step::SetContext { id, .. } => write!(f, "set-context {id}"),
            Step::SetStorage { id, storage_id } => write!(f, "set-storage {id} {storage_id:x}"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::LeaveJoint => f.write_str("leave-joint"),
            Change::Steps { steps, .. } => {
                for (i, step) in steps.iter().enumerate() {
                    write!(f, "{}{step}", if i == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
        }
    }
}
