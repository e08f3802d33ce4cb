//! With all links, disks and processes well again, the cluster must come to rest.

use std::time::Duration;

use raft_core::{Change, Event, Leave, Membership, NodeId, PeerState, RoleName, Status};

use super::World;
use crate::cluster::Outcome;

/// How long one look lets pass, and how often is looked: a hundred seconds in all.
const LOOK: Duration = Duration::from_millis(500);
const LOOKS: usize = 200;
/// After this long nothing is left of what went before, wrong reports included …
const SETTLED: Duration = Duration::from_secs(4);
/// … and for this long nothing may happen then.
const REST: Duration = Duration::from_secs(6);

impl World {
    /// Heals everything, goes on asking, and waits until all members are equal and
    /// all that was asked is answered. Then it must stay so.
    pub(super) fn come_to_rest(&mut self) -> Outcome {
        self.heal()?;
        let mut missing = String::new();
        for _ in 0..LOOKS {
            self.end_stopped()?;
            let end = self.cluster.now.after(LOOK);
            self.cluster.elapse_until(end)?;
            self.remember();
            let Some(leader) = self.leader() else {
                missing = "nobody leads".to_owned();
                continue;
            };
            if leader.membership.is_joint() && leader.membership.leave == Leave::Explicit {
                let (id, ticket) = (leader.id, self.ticket(leader.id));
                let change = Change::LeaveJoint;
                self.cluster.step(id, Event::ChangeMembership { ticket, change })?;
                missing = format!("{id} leads in a joint phase");
                continue;
            }
            self.ask_everybody(&leader)?;
            self.remember();
            missing = match self.what_is_missing() {
                None => return self.stay_at_rest(&leader.membership),
                Some(what) => what,
            };
        }
        Err(format!("the cluster does not come to rest: {missing}"))
    }

    /// Nobody of the members asks for votes any more. (Who was removed and was away for
    /// the whole farewell may ask, in vain.)
    fn stay_at_rest(&mut self, membership: &Membership) -> Outcome {
        let end = self.cluster.now.after(SETTLED);
        self.cluster.elapse_until(end)?;
        self.remember();
        let end = self.cluster.now.after(REST);
        self.cluster.elapse_until(end)?;
        let text = self.cluster.take_output();
        let asks = |line: &&str| {
            let is_request = line.contains(" PreVote ") || line.contains(" Vote ");
            let of_member = |id: &NodeId| line.starts_with(&format!("    Send {id}→"));
            is_request && membership.members.keys().any(of_member)
        };
        match text.lines().find(asks) {
            Some(line) => Err(format!("the cluster does not stay at rest: {line}\n{text}")),
            None => Ok(()),
        }
    }

    /// Proposes at the leader, reads at all members that are up, and lets time pass.
    fn ask_everybody(&mut self, leader: &Status) -> Outcome {
        self.propose(leader.id, 1)?;
        for id in leader.membership.members.keys() {
            if self.cluster.nodes[id].raft.is_some() {
                self.read(*id)?;
            }
        }
        let end = self.cluster.now.after(LOOK);
        self.cluster.elapse_until(end)
    }

    /// The leader of the latest term.
    fn leader(&self) -> Option<Status> {
        let all = self.cluster.nodes.values().filter_map(|node| node.status());
        let leading = all.filter(|status| status.role == RoleName::Leader);
        leading.max_by_key(|status| status.ballot.term)
    }

    fn what_is_missing(&self) -> Option<String> {
        let Some(leader) = self.leader() else { return Some("nobody leads".to_owned()) };
        if leader.commit < leader.last.index || leader.applied < leader.commit {
            return Some(format!("{} has not committed or applied all: {leader:?}", leader.id));
        }
        let mut others = leader.membership.members.keys().filter(|id| **id != leader.id);
        if let Some(id) = others.find(|id| !self.is_equal(**id, &leader)) {
            let found = self.cluster.nodes[id].status();
            return Some(format!("{id} is not as its leader is: {found:?}, {leader:?}"));
        }
        let open = self.asked.iter().find(|(ticket, id, boots)| {
            let node = &self.cluster.nodes[id];
            let is_same_life = node.raft.is_some() && node.boots == *boots;
            is_same_life && !self.cluster.is_answered(*ticket)
        });
        open.map(|(ticket, id, _)| format!("{ticket} at {id} was never answered"))
    }

    /// Whether a member has all that its leader has, and its leader knows.
    fn is_equal(&self, id: NodeId, leader: &Status) -> bool {
        let is_fed = leader.peers.iter().any(|peer| {
            peer.id == id && peer.matched == leader.last.index && peer.state == PeerState::Replicate
        });
        let status = self.cluster.nodes[&id].status();
        is_fed
            && status.is_some_and(|status| {
                let end = (status.last, status.applied, status.leader);
                end == (leader.last, leader.applied, Some(leader.id))
            })
    }
}
