//! The turns that the workers of a node take, and what comes of them.

use raft_core::{NodeId, RoleName, Status, StopReason, Time};

use super::ambush::Moments;
use super::nodes::{Death, Node};
use super::{Happening, World};
use crate::checks::Fact;
use crate::counts::Kind;
use crate::node::{Doom, Worker};
use crate::report::Failure;

impl World {
    /// A worker's turn has come.
    pub(super) fn take_turn(
        &mut self,
        id: NodeId,
        life: u64,
        worker: Worker,
    ) -> Result<(), Failure> {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.life == life) else {
            return Ok(());
        };
        let Some(process) = &mut node.process else { return Ok(()) };
        if node.paused_until > self.now {
            // The turn waits for the end of the pause; it keeps its place.
            self.queue.push(node.paused_until, Happening::Turn { node: id, life, worker });
            return Ok(());
        }
        node.due[worker as usize] = false;
        if worker == Worker::Log && std::mem::take(&mut node.next_group_is_doomed) {
            node.disks.fail_after(Doom::PowerLoss, 1);
        }
        let slow_reads_us = node.slow_reads_until.0.saturating_sub(self.now.0);
        let lasting_us = node.pace.lasting_us(worker, node.slow_until > self.now, slow_reads_us);
        let shown = node.clock.shows(self.now);
        // What a disk refuses for want of room is told while there is none.
        let result = if lasting_us == 0 || node.disks.may_fail() {
            process.turn(worker, shown)
        } else {
            let at = Time(self.now.0 + lasting_us);
            self.queue.push(at, Happening::TurnEnds { node: id, life, worker });
            process.begin(worker, shown)
        };
        self.note_of(id, "turn", name_of(worker));
        // No other worker's turn changes how the core stands.
        self.conclude(id, result, worker == Worker::Raft)
    }

    /// A worker's turn ends, and the others hear what came of it.
    pub(super) fn end_turn(
        &mut self,
        id: NodeId,
        life: u64,
        worker: Worker,
    ) -> Result<(), Failure> {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.life == life) else {
            return Ok(());
        };
        let Some(process) = &mut node.process else { return Ok(()) };
        if node.paused_until > self.now {
            self.queue.push(node.paused_until, Happening::TurnEnds { node: id, life, worker });
            return Ok(());
        }
        if worker == Worker::Log {
            let disk = self.checks.known().disks.get(&id);
            let is_clipped =
                disk.is_some_and(|disk| process.is_replacement_waiting(disk.log.last().index));
            self.counts.add_many(Kind::PersistedClipped, u64::from(is_clipped));
        }
        process.end(worker);
        self.note_of(id, "done", name_of(worker));
        self.after_turn(id)
    }

    /// The log store hears that there is a pause.
    pub(super) fn idle(&mut self, id: NodeId, life: u64) -> Result<(), Failure> {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.life == life) else {
            return Ok(());
        };
        node.idle_due = false;
        match &mut node.process {
            Some(process) if node.paused_until <= now && process.wants_idle() => {
                let result = process.idle();
                self.note_of(id, "turn", "idle");
                self.conclude(id, result, false)
            }
            _ => Ok(()),
        }
    }

    /// Draws the conclusions from a turn.
    fn conclude(
        &mut self,
        id: NodeId,
        result: Result<(), String>,
        stepped: bool,
    ) -> Result<(), Failure> {
        let seen = match &self.nodes[&id].process {
            Some(process) => process.take_sightings(),
            None => Vec::new(),
        };
        self.take_in(id, seen)?;
        let node = &self.nodes[&id];
        let has_failed = node.disks.has_failed();
        let lost_power = node.doom == Some(Doom::PowerLoss);
        match result {
            Ok(()) if has_failed && lost_power => self.doomed(id),
            Ok(()) => {
                if stepped {
                    self.stepped(id)?;
                }
                self.come_to_turns(id);
                self.after_turn(id)
            }
            Err(error) if has_failed => {
                self.note_of(id, "died", &error);
                self.doomed(id)
            }
            Err(error) if node.disks.is_full() => {
                self.note_of(id, "died", &error);
                self.counts.add(Kind::DiskFullDeath);
                if let Some(node) = self.nodes.get_mut(&id) {
                    node.down_us = self.notice.between(1_000, 1_000_000);
                }
                self.crash(id, Death::Process)
            }
            Err(error) => Err(Failure::Stopped(format!("{id}: {error}"))),
        }
    }

    /// Takes what a turn left behind: messages, answers.
    pub(super) fn after_turn(&mut self, id: NodeId) -> Result<(), Failure> {
        let Some(process) = self.nodes.get_mut(&id).and_then(|node| node.process.as_mut()) else {
            return Ok(());
        };
        let output = process.take_output();
        for (to, frame) in output.frames {
            self.send(id, to, &frame)?;
        }
        for peer in output.probes {
            self.probe(id, peer);
        }
        for (op, outcome) in output.outcomes {
            self.client_told(op, outcome)?;
        }
        for answer in output.admin {
            self.admin_told(&answer);
        }
        self.counts.add_many(Kind::StaleFetch, output.stale_fetches);
        for failure in output.failures {
            self.survived(id, &failure)?;
        }
        match output.stop {
            None => {
                self.schedule_all(id);
                Ok(())
            }
            Some(StopReason::Removed) => {
                self.note_of(id, "removed", "its removal is committed");
                self.retire(id)
            }
            Some(reason) => Err(Failure::Stopped(format!("{id}: {reason}"))),
        }
    }

    /// A disk refused something that can be tried again.
    fn survived(&mut self, id: NodeId, failure: &str) -> Result<(), Failure> {
        self.note_of(id, "refused", failure);
        let Some(node) = self.nodes.get_mut(&id) else { return Ok(()) };
        if !node.disks.may_fail() {
            return Err(Failure::Stopped(format!("{id}: {failure}")));
        }
        if node.doom == Some(Doom::DiskError) {
            node.doom = None;
            self.counts.add(Kind::DiskError);
        }
        Ok(())
    }

    /// The core may have moved: compares how it stands with how it stood.
    pub(super) fn stepped(&mut self, id: NodeId) -> Result<(), Failure> {
        let Some(node) = self.nodes.get_mut(&id) else { return Ok(()) };
        let Some(process) = &node.process else { return Ok(()) };
        let before = node.last_status.take();
        let office = before.as_ref().map(|status| (status.role, status.ballot, status.leader));
        let moments = before.as_ref().map(|status| Moments::of(status));
        let membership_index = before.as_ref().map(|status| status.membership_index);
        let (status, changed) = match before {
            Some(mut status) => {
                let changed = process.refresh(&mut status);
                (status, changed)
            }
            None => (Box::new(process.status()), true),
        };
        if changed {
            if !self.is_impostor(id) {
                self.observe(&Fact::Turned { status: &status })?;
            }
            if office != Some((status.role, status.ballot, status.leader)) {
                let leader = status.leader.map_or("nobody".to_owned(), |leader| leader.to_string());
                let (role, ballot) = (status.role, status.ballot);
                self.note_of(id, "role", &format_args!("{role}, {ballot}, led by {leader}"));
                self.count_role(id, office.map(|(role, ..)| role), role);
            }
        }
        if changed {
            self.come_to_moments(moments.as_ref(), &status);
        }
        if let Some(node) = self.nodes.get_mut(&id) {
            if membership_index != Some(status.membership_index) {
                node.record(&status.membership);
                let replaces = begins_replacement(&status);
                self.counts.add_many(Kind::ReplacedUnderWrites, u64::from(replaces));
            }
            node.last_status = Some(status);
        }
        Ok(())
    }

    fn count_role(&mut self, id: NodeId, before: Option<RoleName>, now: RoleName) {
        let campaigns = [RoleName::PreCandidate, RoleName::Candidate];
        if before != Some(now) && campaigns.contains(&now) {
            self.counts.add(Kind::Campaign);
        }
        if before != Some(now) && now == RoleName::Leader {
            self.counts.add(Kind::LeaderElected);
            let told = self.nodes[&id].told_gone_at;
            if told.is_some_and(|at| self.now.since(at) < self.setup.election_timeout() / 2) {
                self.counts.add(Kind::LeaderByPeerGone);
            }
        }
    }

    /// The core wanted to be woken now.
    pub(super) fn wake(&mut self, id: NodeId, life: u64) -> Result<(), Failure> {
        if let Some(node) = self.nodes.get_mut(&id).filter(|node| node.life == life)
            && node.wakeup_at <= self.now
        {
            node.wakeup_at = Time::NEVER;
            self.schedule_all(id);
        }
        Ok(())
    }

    /// Gives the Raft worker a turn, unless one is coming: it was given something.
    pub(super) fn schedule_raft(&mut self, id: NodeId) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.is_up()) else { return };
        let (worker, life) = (Worker::Raft, node.life);
        if !std::mem::replace(&mut node.due[worker as usize], true) {
            let at = Time(now.0 + node.pace.turn_us(worker, node.slow_until > now));
            self.queue.push(at, Happening::Turn { node: id, life, worker });
        }
    }

    /// Gives turns to all workers that have something to do and none coming.
    pub(super) fn schedule_all(&mut self, id: NodeId) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Node { process, due, pace, clock, life, slow_until, wakeup_at, idle_due, .. } = node;
        let Some(process) = process else { return };
        let (life, shown) = (*life, clock.shows(now));
        for worker in Worker::ALL {
            let due = &mut due[worker as usize];
            if !*due && process.has_work(worker, shown) {
                *due = true;
                let at = Time(now.0 + pace.turn_us(worker, *slow_until > now));
                self.queue.push(at, Happening::Turn { node: id, life, worker });
            }
        }
        if !*idle_due && process.wants_idle() {
            *idle_due = true;
            let at = Time(now.0 + pace.idle_us());
            self.queue.push(at, Happening::Idle { node: id, life });
        }
        let wakeup = clock.when(process.next_wakeup());
        // What is due already was given a turn above.
        if wakeup > now && wakeup < *wakeup_at {
            *wakeup_at = wakeup;
            self.queue.push(wakeup, Happening::Wakeup { node: id, life });
        }
    }
}

/// Whether a leader has begun to replace members while it waits for the commit of what
/// it appended before.
fn begins_replacement(status: &Status) -> bool {
    let Status { membership, membership_index, .. } = status;
    status.role == RoleName::Leader
        && membership_index.prev() > status.commit
        && membership.is_joint()
        && !membership.voters.is_superset(&membership.outgoing)
        && !membership.outgoing.is_superset(&membership.voters)
}

fn name_of(worker: Worker) -> &'static str {
    match worker {
        Worker::Raft => "raft",
        Worker::Log => "log",
        Worker::Apply => "apply",
        Worker::Fetch => "fetch",
    }
}
