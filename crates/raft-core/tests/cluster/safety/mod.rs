//! What must hold whatever happens: the safety properties of the paper (figure
//! 3), and those of the disks and of the membership beneath them.
//!
//! A [`Checker`] looks at all nodes after every event and at every message and
//! answer when it leaves. It remembers what it must: who led which term, which
//! votes were given, what was committed. It sees more than any node, disks of
//! crashed nodes included.

mod disks;
mod elections;
mod logs;
mod memberships;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use raft_core::{Entry, Index, Membership, NodeId, Position, Reply, RoleName, SnapshotMeta};
use raft_core::{Term, Ticket};

use super::log_view::LogView;
use super::node::State;

/// What the checker sees of one node.
pub struct View<'a> {
    pub id: NodeId,
    /// Which life of its process this is, or the last one was.
    pub boots: u64,
    /// What its core says; `None` while it is down.
    pub live: Option<Live>,
    pub memory: &'a LogView,
    pub disk: &'a LogView,
    /// What its newest complete snapshot covers.
    pub snapshot: &'a SnapshotMeta,
    pub state: &'a State,
}

/// What a core says of itself.
#[derive(Clone, Debug)]
pub struct Live {
    pub role: RoleName,
    pub term: Term,
    pub commit: Index,
    pub membership: Membership,
}

/// The history, as far as the properties speak of it.
#[derive(Default)]
pub struct Checker {
    leaders: BTreeMap<Term, NodeId>,
    votes: BTreeMap<(NodeId, Term), NodeId>,
    terms: BTreeMap<NodeId, Term>,
    commits: BTreeMap<(NodeId, u64), Index>,
    /// The last log seen of each term's leader.
    leader_logs: BTreeMap<Term, LogView>,
    /// Every entry ever seen, with the position before it.
    entries: BTreeMap<Position, (Entry, Position)>,
    /// What is committed, and the term in which it was first seen to be.
    committed: BTreeMap<Index, (Position, Term)>,
    /// The membership that the cluster began with.
    founders: Option<Membership>,
    reads: BTreeMap<Ticket, Index>,
    answered: BTreeSet<Ticket>,
}

/// `Err` says which property is broken, by whom, and how.
pub type Verdict = Result<(), String>;

impl Checker {
    /// Looks at all nodes.
    pub fn observe(&mut self, views: &[View]) -> Verdict {
        for view in views {
            self.log_matching(view.memory)?;
            self.log_matching(view.disk)?;
            self.one_vote(view.id, view.disk.ballot)?;
            self.terms_grow(view)?;
            self.configuration_rules(view)?;
            if let Some(live) = &view.live {
                self.election_safety(view, live)?;
                self.leader_append_only(view, live)?;
                self.commit_monotonic(view, live)?;
                self.committed_is_durable(view, live, views)?;
            }
        }
        for view in views {
            self.state_machine_safety(view)?;
            self.state_behind_log(view)?;
            self.snapshots_hold_the_membership(view)?;
            if let Some(live) = &view.live {
                self.leader_completeness(view, live)?;
            }
        }
        Ok(())
    }

    /// A read begins: whatever is committed now, it must see.
    pub fn read_begins(&mut self, ticket: Ticket) {
        self.reads.insert(ticket, self.last_committed());
    }

    /// The last index that anybody has committed.
    fn last_committed(&self) -> Index {
        self.committed.keys().next_back().copied().unwrap_or_default()
    }

    /// Whether a request was answered.
    pub fn is_answered(&self, ticket: Ticket) -> bool {
        self.answered.contains(&ticket)
    }

    /// Each request is answered once. Linearizable reads (thesis, section 6.4): a read
    /// sees all that was committed when it began.
    pub fn answer(&mut self, ticket: Ticket, reply: &Reply) -> Verdict {
        if !self.answered.insert(ticket) {
            return Err(format!("answered twice: {ticket}, now by {reply}"));
        }
        match (self.reads.get(&ticket), reply) {
            (Some(begun), Reply::ReadAt(index)) if index < begun => Err(format!(
                "stale read: {ticket} is answered at {index}, but {begun} was committed before"
            )),
            _ => Ok(()),
        }
    }
}
