//! The operator: changes the membership and hands the leadership over.

use std::collections::BTreeSet;

use bytes::Bytes;
use raft_core::{Change, Leave, Membership, NodeId, RoleName, SnapshotMeta, Step, Time};

use super::World;
use crate::counts::Kind;
use crate::faults::{Fault, Planned};
use crate::node::{AdminAnswer, AdminRequest};
use crate::rng::Rng;

/// At most so many nodes run at a time.
const MOST_NODES: usize = 7;

/// What the operator keeps in mind.
#[derive(Debug)]
pub(super) struct Admin {
    /// What the choices about the change at hand are drawn from.
    rng: Rng,
    /// The id that no node has had yet.
    next_id: u64,
    /// What the cluster began with: what every new node is started with too.
    bootstrap: SnapshotMeta,
}

impl Admin {
    pub(super) fn new(nodes: &[NodeId]) -> Admin {
        let membership = Membership::of_voters(nodes.iter().copied());
        let next_id = nodes.iter().map(|id| id.0).max().unwrap_or(0) + 1;
        Admin { rng: Rng::new(0), next_id, bootstrap: SnapshotMeta::bootstrap(membership) }
    }

    /// One of the set.
    fn pick(&mut self, set: &BTreeSet<NodeId>) -> Option<NodeId> {
        let ids: Vec<NodeId> = set.iter().copied().collect();
        self.rng.pick(&ids).copied()
    }
}

impl World {
    /// The operator does something, if there is somebody to ask and it makes sense.
    pub(super) fn administer(&mut self, planned: &Planned, fault: &Fault) {
        self.admin.rng = planned.rng();
        let Some((leader, membership)) = self.leader() else { return };
        if membership.is_joint() && membership.leave == Leave::Explicit {
            return self.change(leader, Change::LeaveJoint, &[]);
        }
        match fault {
            Fault::Transfer(to) => {
                self.submit_admin(leader, AdminRequest::Transfer(*to));
            }
            Fault::AddLearner => self.add_learner(leader),
            Fault::Promote => {
                let learners = membership.learners().collect();
                match self.admin.pick(&learners) {
                    Some(id) => {
                        self.change(leader, steps_of(vec![Step::Promote(id)], Leave::Auto), &[]);
                    }
                    // Somebody to promote the next time.
                    None => self.add_learner(leader),
                }
            }
            Fault::Remove => {
                let members = membership.members.keys().copied().collect();
                if let Some(id) = self.admin.pick(&members).filter(|_| membership.voters.len() > 1)
                {
                    self.change(leader, steps_of(vec![Step::Remove(id)], Leave::Auto), &[]);
                }
            }
            Fault::Replace => self.replace(leader, &membership, 1),
            Fault::ReplaceSeveral => self.replace(leader, &membership, 2),
            _ => {}
        }
    }

    fn add_learner(&mut self, leader: NodeId) {
        if let Some(id) = self.new_ids(1).pop() {
            let steps = vec![Step::AddLearner { id, context: Bytes::new() }];
            self.change(leader, steps_of(steps, Leave::Auto), &[id]);
        }
    }

    /// Replaces voters by new nodes, in one change.
    fn replace(&mut self, leader: NodeId, membership: &Membership, number: usize) {
        let new = self.new_ids(number);
        let mut voters: Vec<NodeId> = membership.voters.iter().copied().collect();
        self.admin.rng.shuffle(&mut voters);
        let old = voters.into_iter().take(new.len()).map(Step::Remove);
        let add = new.iter().map(|&id| Step::AddVoter { id, context: Bytes::new() });
        let steps: Vec<Step> = add.chain(old).collect();
        if !steps.is_empty() {
            let leave = if self.admin.rng.one_in(3) { Leave::Explicit } else { Leave::Auto };
            self.change(leader, steps_of(steps, leave), &new);
        }
    }

    /// Asks for a change and starts the new nodes that it brings in.
    fn change(&mut self, leader: NodeId, change: Change, new: &[NodeId]) {
        for &id in new {
            self.add_node(id, self.admin.bootstrap.clone());
            self.counts.add(Kind::NodeJoined);
        }
        self.submit_admin(leader, AdminRequest::Change(change));
    }

    fn submit_admin(&mut self, leader: NodeId, request: AdminRequest) {
        self.note_of(leader, "operator", &request);
        let (now, deadline_us) = (self.now, self.setup.deadline_us);
        if let Some(host) = self.nodes.get_mut(&leader)
            && let Some(process) = &mut host.process
        {
            let deadline = Time(host.clock.shows(now).0 + deadline_us);
            let is_in = process.submit_admin(request, deadline);
            self.note("operator", if is_in { "asked" } else { "turned away" });
            self.schedule_all(leader);
        }
    }

    /// The operator is told what came of it.
    pub(super) fn admin_told(&mut self, answer: &AdminAnswer) {
        self.note("operator", answer);
        match (answer.is_transfer, answer.error) {
            (true, None) => self.counts.add(Kind::TransferDone),
            (true, Some(_)) => self.counts.add(Kind::TransferRefused),
            (false, _) => {}
        }
    }

    /// Ends a joint phase that waits for the operator.
    pub(super) fn leave_joint(&mut self, leader: NodeId, membership: &Membership) {
        if membership.is_joint() && membership.leave == Leave::Explicit {
            self.change(leader, Change::LeaveJoint, &[]);
        }
    }

    /// The node that leads the latest term, with the membership that it goes by.
    pub(super) fn leader(&self) -> Option<(NodeId, Membership)> {
        let statuses = self.nodes.values().filter_map(|node| {
            node.last_status
                .as_ref()
                .filter(|status| node.is_up() && status.role == RoleName::Leader)
        });
        let latest = statuses.max_by_key(|status| status.ballot.term)?;
        Some((latest.id, latest.membership.clone()))
    }

    /// Ids for new nodes, as far as there is room for these.
    fn new_ids(&mut self, number: usize) -> Vec<NodeId> {
        let present = self.nodes.values().filter(|node| !node.retired).count();
        let room = MOST_NODES.saturating_sub(present).min(number);
        let first = self.admin.next_id;
        self.admin.next_id += room as u64;
        (first..self.admin.next_id).map(NodeId).collect()
    }
}

fn steps_of(steps: Vec<Step>, leave: Leave) -> Change {
    Change::Steps { steps, leave }
}
