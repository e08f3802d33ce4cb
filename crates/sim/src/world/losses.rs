//! Disks that are damaged, wiped or full, and the operator who replaces their nodes.
//!
//! ```text
//!   damaged ─▶ starts: nothing was lost           ─▶ goes on
//!           └▶ refuses its folder ────────────────┐
//!   wiped ──▶ a peer remembers it: does not start ├▶ removed, a new node in its place
//!           └▶ runs, and is heard by nobody ──────┘
//! ```
//!
//! No more of that happens at a time than the others can repair: without the nodes
//! that are lost, a majority of each membership that may be in force must be left.

use bytes::Bytes;
use kv_statemachine::{Alarm, AlarmAction, AlarmKind, AlarmRequest, AlarmSource, Operation};
use raft_core::{Change, Leave, Membership, NodeId, Step, Time};

use super::nodes::{Death, Trust};
use super::{Happening, Phase, World};
use crate::counts::Kind;
use crate::faults::Planned;
use crate::report::Failure;
use crate::workload::Request;

/// The number of the client that stands for the nodes' own watches over their disks.
const WATCH_CLIENT: u64 = 998;
/// The watch looks again after this long at most, in microseconds.
const WATCH_US: u64 = 400_000;
/// An operator looks after a lost node within this, in microseconds.
const REPAIR_US: u64 = 3_000_000;

impl World {
    /// A process is killed, and some of what was durable on its disk is changed. Not
    /// between a sync and the mark behind it: damage to the very last frame looks like a
    /// write that never ended then, which no format with one sync a write can help.
    pub(super) fn damage(&mut self, planned: &Planned, id: NodeId) -> Result<(), Failure> {
        let process = self.nodes.get(&id).and_then(|node| node.process.as_ref());
        let is_marked =
            process.is_some_and(|process| !process.wants_idle() && process.waiting_writes() == 0);
        // One lost disk at a time: another is to be replaced before.
        let is_only_one = self.nodes.values().all(|node| node.trust != Trust::Lost);
        if !is_marked || !is_only_one || !self.can_spare(id) {
            return Ok(());
        }
        self.crash(id, Death::Process)?;
        let Some(node) = self.nodes.get_mut(&id) else { return Ok(()) };
        if node.disks.damage(&mut planned.rng()) {
            node.trust = Trust::Doubtful;
            self.counts.add(Kind::DiskDamaged);
        }
        Ok(())
    }

    /// A damaged node refuses its folder, as it should.
    pub(super) fn refuse_damage(&mut self, id: NodeId, error: &str) {
        self.note_of(id, "lost", error);
        self.counts.add(Kind::DamageRefused);
        self.lose(id);
    }

    /// A machine comes back with an empty disk. Only if everybody has the old one on
    /// record: before that nobody could know, and an operator has to (rule 13).
    pub(super) fn wipe(&mut self, planned: &Planned, id: NodeId) -> Result<(), Failure> {
        let is_recorded = self.present().iter().all(|other| {
            let disk = self.checks.known().disks.get(other);
            let member = disk.and_then(|disk| disk.log.membership().members.get(&id));
            member.is_some_and(|member| member.storage_id.is_some())
        });
        let is_only_one = self.nodes.values().all(|node| node.trust != Trust::Lost);
        if !is_recorded || !is_only_one || self.setup.nodes.len() < 2 || !self.can_spare(id) {
            return Ok(());
        }
        self.crash(id, Death::Power)?;
        let luck = planned.rng().fork("wiped");
        let is_kept_out = !self.keeps_no_records();
        if let Some(node) = self.nodes.get_mut(&id) {
            node.disks = crate::node::Disks::new(id, &luck);
            node.is_impostor = is_kept_out;
            self.counts.add(Kind::DiskWiped);
        }
        if is_kept_out {
            self.lose(id);
        }
        Ok(())
    }

    /// A node is lost for good: an operator will see to it.
    fn lose(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.trust = Trust::Lost;
        }
        self.repair_later(id);
    }

    fn repair_later(&mut self, id: NodeId) {
        let at = Time(self.now.0 + self.notice.between(100_000, REPAIR_US));
        self.queue.push(at, Happening::Repair { node: id });
    }

    /// The operator looks after a lost node: puts another one in its place, and
    /// switches it off once that is committed.
    pub(super) fn repair(&mut self, id: NodeId) -> Result<(), Failure> {
        let Some(node) = self.nodes.get(&id).filter(|_| self.phase == Phase::Chaos) else {
            return Ok(());
        };
        let substitute = node.substitute;
        if self.committed_membership.1.removed.contains(&id) {
            self.counts.add(Kind::LostReplaced);
            return self.retire(id);
        }
        self.repair_later(id);
        let Some((leader, membership)) = self.leader() else { return Ok(()) };
        if membership.is_joint() || !membership.members.contains_key(&id) {
            self.leave_joint(leader, &membership);
            return Ok(());
        }
        let (new, is_new) = match substitute {
            Some(new) => (new, Vec::new()),
            None => {
                let new = self.next_id();
                (new, vec![new])
            }
        };
        if let Some(node) = self.nodes.get_mut(&id) {
            node.substitute = Some(new);
        }
        let add = match membership.is_learner(id) {
            true => Step::AddLearner { id: new, context: Bytes::new() },
            false => Step::AddVoter { id: new, context: Bytes::new() },
        };
        let change = Change::Steps { steps: vec![add, Step::Remove(id)], leave: Leave::Auto };
        self.change(leader, change, &is_new);
        Ok(())
    }

    /// Whether the others can do without a member, beside those who are lost already.
    fn can_spare(&self, id: NodeId) -> bool {
        self.is_up(id)
            && self.committed_membership.1.members.contains_key(&id)
            && self.can_work_without(Some(id), self.memberships_in_force().iter())
    }

    /// Whether each of the memberships has its majorities without the lost nodes.
    pub(super) fn can_work_without<'a>(
        &self,
        lost: Option<NodeId>,
        mut memberships: impl Iterator<Item = &'a Membership>,
    ) -> bool {
        let is_sound = |id| {
            let node = self.nodes.get(&id);
            lost != Some(id) && node.is_none_or(|node| node.trust == Trust::Sound)
        };
        memberships.all(|membership| membership.agrees(is_sound))
    }

    /// A disk has only so much room left, until it is made.
    pub(super) fn fill_disk(&mut self, id: NodeId, bytes: u64, for_us: u64) {
        let until = Time(self.now.0 + for_us);
        let Some(node) = self.nodes.get_mut(&id).filter(|node| !node.disks.is_full()) else {
            return;
        };
        node.disks.fill(bytes);
        node.full_until = until;
        self.counts.add(Kind::DiskFull);
        self.queue.push(self.now, Happening::Watch { node: id });
    }

    /// A node's watch over its disk looks: raises the alarm while there is little
    /// room, lifts it when there is some again.
    pub(super) fn watch_disk(&mut self, id: NodeId) -> Result<(), Failure> {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id) else { return Ok(()) };
        if node.full_until <= now && node.disks.is_full() {
            node.disks.make_room();
        }
        let is_full = node.disks.is_full();
        let alarm = Alarm { kind: AlarmKind::NO_SPACE, member: id };
        let source = AlarmSource::Member;
        let raised = node
            .process
            .as_ref()
            .map(|process| process.view().alarms().source(alarm) == Some(source));
        let action = match (is_full, raised) {
            (true, Some(false)) => Some(AlarmAction::Raise),
            (false, Some(true)) => Some(AlarmAction::Lift),
            // Nothing is left to be done.
            (false, Some(false)) => return Ok(()),
            (true, Some(true)) | (_, None) => None,
        };
        let at = Time(now.0 + self.notice.between(50_000, WATCH_US));
        self.queue.push(at, Happening::Watch { node: id });
        let Some(action) = action.filter(|_| !self.is_impostor(id)) else { return Ok(()) };
        self.counts.add(match action {
            AlarmAction::Raise => Kind::AlarmRaised,
            AlarmAction::Lift => Kind::AlarmLifted,
        });
        let request = AlarmRequest { action, alarm, source };
        self.ask(WATCH_CLIENT, id, Request::Write(Operation::Alarm(request)))
    }
}
