//! The operator: changes the membership and hands the leadership over.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use raft_core::{Change, Leave, Membership, NodeId, RoleName, SnapshotMeta, Step, Time};

use super::World;
use crate::counts::Kind;
use crate::faults::{Fault, Planned};
use crate::node::{AdminAnswer, AdminRequest};
use crate::report::Failure;
use crate::rng::Rng;

/// At most so many nodes run at a time.
const MOST_NODES: usize = 7;
/// A change that was asked for longer ago than this, in microseconds, is forgotten
/// wherever it waited; so is a node that was put up for it.
const FORGOTTEN_US: u64 = 10_000_000;

/// What the operator keeps in mind.
#[derive(Debug)]
pub(super) struct Admin {
    /// What the choices about the change at hand are drawn from.
    rng: Rng,
    /// The id that no node has had yet.
    next_id: u64,
    /// What the cluster began with: what every new node is started with too.
    bootstrap: SnapshotMeta,
    /// The memberships that were asked for of late, and when: some leader may yet
    /// append them.
    asked: VecDeque<(Time, Membership)>,
}

impl Admin {
    pub(super) fn new(membership: &Membership) -> Admin {
        let last = membership.members.keys().map(|id| id.0).max();
        let bootstrap = SnapshotMeta::bootstrap(membership.clone());
        Admin {
            rng: Rng::new(0),
            next_id: last.unwrap_or_default() + 1,
            bootstrap,
            asked: VecDeque::new(),
        }
    }

    /// One of the set.
    fn pick(&mut self, set: &BTreeSet<NodeId>) -> Option<NodeId> {
        let ids: Vec<NodeId> = set.iter().copied().collect();
        self.rng.pick(&ids).copied()
    }
}

impl World {
    /// The operator does something, if there is somebody to ask and it makes sense.
    pub(super) fn administer(&mut self, planned: &Planned, fault: &Fault) -> Result<(), Failure> {
        self.admin.rng = planned.rng();
        self.clear_up()?;
        if let Some((leader, membership)) = self.leader() {
            self.do_with(leader, &membership, fault);
        }
        Ok(())
    }

    fn do_with(&mut self, leader: NodeId, membership: &Membership, fault: &Fault) {
        if membership.is_joint() && membership.leave == Leave::Explicit {
            return self.change(leader, Change::LeaveJoint, &[]);
        }
        match fault {
            Fault::Transfer(to) => {
                self.transfer(leader, *to);
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
            Fault::RemoveLeader if membership.voters.len() > 1 => {
                self.counts.add(Kind::LeaderRemoved);
                self.change(leader, steps_of(vec![Step::Remove(leader)], Leave::Auto), &[]);
            }
            Fault::Replace => self.replace(leader, membership, 1),
            Fault::ReplaceSeveral => self.replace(leader, membership, 2),
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

    /// Switches off the nodes that were put up for a change that never came.
    fn clear_up(&mut self) -> Result<(), Failure> {
        let now = self.now;
        self.admin.asked.retain(|(at, _)| now.0 < at.0 + FORGOTTEN_US);
        let memberships = self.memberships_in_force();
        let is_member =
            |id: &NodeId| memberships.iter().any(|other| other.members.contains_key(id));
        let is_awaited = |id: &NodeId| self.nodes.values().any(|node| node.substitute == Some(*id));
        let strangers: Vec<NodeId> = self
            .nodes
            .iter()
            .filter(|(id, node)| {
                now.0 > node.added_at.0 + FORGOTTEN_US && !is_member(id) && !is_awaited(id)
            })
            .map(|(id, _)| *id)
            .collect();
        strangers.into_iter().try_for_each(|id| {
            self.note_of(id, "operator", "switched off: it is no member");
            self.retire(id)
        })
    }

    /// The memberships that were asked for of late.
    pub(super) fn asked_memberships(&self) -> impl Iterator<Item = &Membership> {
        self.admin.asked.iter().map(|(_, membership)| membership)
    }

    /// The id that no node has had yet.
    pub(super) fn next_id(&mut self) -> NodeId {
        self.admin.next_id += 1;
        NodeId(self.admin.next_id - 1)
    }

    /// Asks for a change and starts the new nodes that it brings in; not for one that
    /// would need a node whose disk is lost.
    pub(super) fn change(&mut self, leader: NodeId, change: Change, new: &[NodeId]) {
        let status = self.nodes.get(&leader).and_then(|node| node.last_status.as_deref());
        if let Some(Ok(next)) = status.map(|status| status.membership.changed(&change)) {
            if !self.can_work_without(None, [&next].into_iter()) {
                return;
            }
            self.admin.asked.push_back((self.now, next));
        }
        for &id in new {
            self.add_node(id, self.admin.bootstrap.clone());
            self.counts.add(Kind::NodeJoined);
        }
        self.submit_admin(leader, AdminRequest::Change(change));
    }

    /// Asks a leader to hand over.
    pub(super) fn transfer(&mut self, leader: NodeId, to: Option<NodeId>) {
        self.submit_admin(leader, AdminRequest::Transfer(to));
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
            let status = node.last_status.as_deref();
            status.filter(|status| node.is_honest() && status.role == RoleName::Leader)
        });
        let latest = statuses.max_by_key(|status| status.ballot.term)?;
        Some((latest.id, latest.membership.clone()))
    }

    /// Ids for new nodes, as far as there is room for these.
    fn new_ids(&mut self, number: usize) -> Vec<NodeId> {
        let present = self.nodes.len();
        let room = MOST_NODES.saturating_sub(present).min(number);
        let first = self.admin.next_id;
        self.admin.next_id += room as u64;
        (first..self.admin.next_id).map(NodeId).collect()
    }
}

fn steps_of(steps: Vec<Step>, leave: Leave) -> Change {
    Change::Steps { steps, leave }
}
