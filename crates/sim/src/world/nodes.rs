//! The nodes: their disks, their processes, and the turns these take.

use std::collections::BTreeSet;

use raft_core::{Incarnation, NodeId, RoleName, SnapshotMeta, Status, StopReason, Time};
use raft_net::TransportEvent;

use super::{Happening, World};
use crate::checks::Fact;
use crate::counts::Kind;
use crate::node::{Booted, Disks, Doom, Process, ProcessConfig, Worker};
use crate::report::Failure;

/// A node, whether its process runs or not.
pub(super) struct Node {
    pub(super) disks: Disks,
    pub(super) process: Option<Process>,
    /// Counts the lives of the process.
    pub(super) life: u64,
    /// The incarnation of the last life.
    pub(super) incarnation: Incarnation,
    /// The process stands still until then.
    pub(super) paused_until: Time,
    /// The disk is slow until then.
    pub(super) slow_until: Time,
    /// The node is to crash, or to fail, at an operation on its disk.
    pub(super) doom: Option<Doom>,
    /// … and that operation is the first of the next group that its log writes.
    pub(super) next_group_is_doomed: bool,
    /// The operator stopped it for good: it was removed from the cluster.
    pub(super) retired: bool,
    /// Whether a dead process's machine refuses connections: not without power.
    pub(super) machine_answers: bool,
    /// The peers that the transport is about to notice to be out of reach.
    pub(super) noticing: BTreeSet<NodeId>,
    /// The last report that a peer is gone.
    pub(super) told_gone_at: Option<Time>,
    /// How the core stood after its last turn.
    pub(super) last_status: Option<Status>,
    bootstrap: SnapshotMeta,
    /// Which workers have a turn coming.
    due: [bool; Worker::ALL.len()],
    /// When the core wants to be woken, as far as that is in the queue.
    wakeup_at: Time,
    /// Whether the log store is about to hear that there is a pause.
    idle_due: bool,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// It is killed, or ends; the machine and its page cache go on.
    Process,
    /// The machine loses its power.
    Power,
}

impl Node {
    /// Whether its process runs.
    pub(super) fn is_up(&self) -> bool {
        self.process.is_some()
    }
}

impl World {
    /// Puts up a new node with empty disks and starts it.
    pub(super) fn add_node(&mut self, id: NodeId, bootstrap: SnapshotMeta) {
        let disks = Disks::new(id, &self.rng);
        let node = Node {
            disks,
            process: None,
            life: 0,
            incarnation: Incarnation(0),
            paused_until: Time(0),
            slow_until: Time(0),
            doom: None,
            next_group_is_doomed: false,
            retired: false,
            machine_answers: true,
            noticing: BTreeSet::new(),
            told_gone_at: None,
            last_status: None,
            bootstrap,
            due: Default::default(),
            wakeup_at: Time::NEVER,
            idle_due: false,
        };
        self.nodes.insert(id, node);
        let at = Time(self.now.0 + self.pace.between_us(1, 20_000));
        self.queue.push(at, Happening::Boot { node: id });
    }

    /// Starts a node's process.
    pub(super) fn boot(&mut self, id: NodeId) -> Result<(), Failure> {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| !node.is_up() && !node.retired)
        else {
            return Ok(());
        };
        node.life += 1;
        let before = node.incarnation;
        node.incarnation = Incarnation(self.rng.fork_number(id.0 << 32 | node.life).bits());
        let life = node.life;
        let config = ProcessConfig {
            driver: self.setup.config(id, node.incarnation),
            bootstrap: node.bootstrap.clone(),
            #[cfg(feature = "planted-bugs")]
            mutation: self.mutation,
        };
        let Booted { found, seen, process } = Process::boot(&config, &mut node.disks, self.now);
        if let Some(found) = &found {
            self.observe(&Fact::Booted { node: id, found })?;
            self.counts.add_many(Kind::CutOffGroup, u64::from(found.cut_off_bytes > 0));
            let (ballot, last) = (found.ballot, found.log.last());
            self.note_of(id, "boot", &format!("life {life}, {ballot}, log up to {last}"));
        }
        self.take_in(id, seen)?;
        let Some(node) = self.nodes.get_mut(&id) else { return Ok(()) };
        let process = match process {
            Ok(process) => process,
            Err(error) if node.disks.has_failed() => {
                self.note_of(id, "died", &format!("while starting: {error}"));
                return self.doomed(id);
            }
            Err(error) => {
                let what = format!("{id}, life {life}: {error}");
                return Err(Failure::RefusedToStart(what));
            }
        };
        node.process = Some(process);
        node.due = Default::default();
        node.wakeup_at = Time::NEVER;
        node.paused_until = Time(0);
        node.told_gone_at = None;
        node.last_status = None;
        node.idle_due = false;
        if life > 1 {
            self.counts.add(Kind::Restart);
            self.announce_gone(id, before, None);
        }
        self.connect(id);
        self.after_turn(id)
    }

    /// Ends a node's process, if it runs, and lets it start again after a while.
    pub(super) fn crash(&mut self, id: NodeId, death: Death) -> Result<(), Failure> {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.is_up()) else {
            return Ok(());
        };
        node.process = None;
        node.doom = None;
        node.next_group_is_doomed = false;
        node.machine_answers = death == Death::Process;
        match death {
            Death::Process => node.disks.kill(),
            Death::Power => node.disks.lose_power(),
        }
        let incarnation = node.incarnation;
        self.fail_pending(id)?;
        for peer in self.peers_of(id) {
            self.hear_unreachable(peer, id);
        }
        if death == Death::Process {
            self.announce_gone(id, incarnation, None);
        }
        if !self.nodes[&id].retired {
            let at = Time(self.now.0 + self.planner.downtime_us());
            self.queue.push(at, Happening::Boot { node: id });
        }
        Ok(())
    }

    /// A disk refused an operation as it was planned.
    fn doomed(&mut self, id: NodeId) -> Result<(), Failure> {
        let Some(node) = self.nodes.get_mut(&id) else { return Ok(()) };
        let doom = node.doom.take();
        if node.is_up() {
            let death = match doom {
                Some(Doom::PowerLoss) => Death::Power,
                Some(Doom::DiskError) | None => Death::Process,
            };
            self.count_doom(doom);
            return self.crash(id, death);
        }
        match doom {
            Some(Doom::PowerLoss) => node.disks.lose_power(),
            Some(Doom::DiskError) | None => node.disks.kill(),
        }
        self.count_doom(doom);
        let at = Time(self.now.0 + self.planner.downtime_us());
        self.queue.push(at, Happening::Boot { node: id });
        Ok(())
    }

    fn count_doom(&mut self, doom: Option<Doom>) {
        match doom {
            Some(Doom::PowerLoss) => self.counts.add(Kind::CrashInTurn),
            Some(Doom::DiskError) => self.counts.add(Kind::DiskError),
            None => {}
        }
    }

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
        let result = process.turn(worker, self.now);
        self.note_of(id, "turn", name_of(worker));
        self.conclude(id, result)
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
                self.conclude(id, result)
            }
            _ => Ok(()),
        }
    }

    /// Draws the conclusions from a turn.
    fn conclude(&mut self, id: NodeId, result: Result<(), String>) -> Result<(), Failure> {
        let seen = match &self.nodes[&id].process {
            Some(process) => process.take_sightings(),
            None => Vec::new(),
        };
        self.take_in(id, seen)?;
        let has_failed = self.nodes[&id].disks.has_failed();
        let lost_power = self.nodes[&id].doom == Some(Doom::PowerLoss);
        match result {
            Ok(()) if has_failed && lost_power => self.doomed(id),
            Ok(()) => self.after_turn(id),
            Err(error) if has_failed => {
                self.note_of(id, "died", &error);
                self.doomed(id)
            }
            Err(error) => Err(Failure::Stopped(format!("{id}: {error}"))),
        }
    }

    /// A node's transport and those of the others find each other.
    fn connect(&mut self, id: NodeId) {
        for peer in self.peers_of(id) {
            for (to, about) in [(peer, id), (id, peer)] {
                let at = self.network.report_at(self.now, about, to);
                self.queue.push(at, Happening::Connected { to, peer: about });
            }
        }
    }

    /// A transport tells that a peer is there, and with which folder.
    pub(super) fn tell_connected(&mut self, to: NodeId, peer: NodeId) {
        let Some(other) = self.nodes.get(&peer) else { return };
        let (incarnation, storage) = match &other.process {
            Some(process) if self.network.connects(to, peer) => {
                (other.incarnation, process.storage_id())
            }
            _ => return,
        };
        self.deliver(to, TransportEvent::PeerConnected { peer, incarnation, storage });
    }

    /// Gives a process what its transport says; `false` if there is no process.
    pub(super) fn deliver(&mut self, to: NodeId, event: TransportEvent) -> bool {
        let Some(process) = self.nodes.get_mut(&to).and_then(|node| node.process.as_mut()) else {
            return false;
        };
        process.deliver(event);
        self.schedule_all(to);
        true
    }

    /// A node that was removed stops for good.
    pub(super) fn retire(&mut self, id: NodeId) -> Result<(), Failure> {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.retired = true;
        }
        self.crash(id, Death::Process)
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

    /// Takes what a turn left behind: messages, answers, news about the core.
    pub(super) fn after_turn(&mut self, id: NodeId) -> Result<(), Failure> {
        let Some(process) = self.nodes.get_mut(&id).and_then(|node| node.process.as_mut()) else {
            return Ok(());
        };
        let output = process.take_output();
        let status = process.status();
        self.turned(id, status)?;
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
        if !node.disks.has_failed() {
            return Err(Failure::Stopped(format!("{id}: {failure}")));
        }
        if node.doom == Some(Doom::DiskError) {
            node.doom = None;
            self.counts.add(Kind::DiskError);
        }
        Ok(())
    }

    /// Compares how the core stands with how it stood.
    fn turned(&mut self, id: NodeId, status: Status) -> Result<(), Failure> {
        let before = self.nodes.get_mut(&id).and_then(|node| node.last_status.take());
        if before.as_ref() != Some(&status) {
            self.observe(&Fact::Turned { status: &status })?;
            let role = (status.role, status.ballot, status.leader);
            if before.as_ref().map(|before| (before.role, before.ballot, before.leader))
                != Some(role)
            {
                let leader = status.leader.map_or("nobody".to_owned(), |leader| leader.to_string());
                let detail = format!("{}, {}, led by {leader}", status.role, status.ballot);
                self.note_of(id, "role", &detail);
                self.count_role(id, before.as_ref().map(|before| before.role), status.role);
            }
        }
        if let Some(node) = self.nodes.get_mut(&id) {
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

    /// Gives turns to all workers that have something to do.
    pub(super) fn schedule_all(&mut self, id: NodeId) {
        for worker in Worker::ALL {
            let now = self.now;
            let has_work =
                |node: &Node| node.process.as_ref().is_some_and(|p| p.has_work(worker, now));
            if self.nodes.get(&id).is_some_and(has_work) {
                self.schedule(id, worker);
            }
        }
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Some(process) = &node.process else { return };
        if process.wants_idle() && !node.idle_due {
            node.idle_due = true;
            let at = Time(self.now.0 + self.pace.idle_us());
            self.queue.push(at, Happening::Idle { node: id, life: node.life });
        }
        let wakeup = process.next_wakeup();
        // What is due already was given a turn above.
        if wakeup > self.now && wakeup < node.wakeup_at {
            node.wakeup_at = wakeup;
            self.queue.push(wakeup, Happening::Wakeup { node: id, life: node.life });
        }
    }

    /// Gives a worker a turn, unless one is coming.
    fn schedule(&mut self, id: NodeId, worker: Worker) {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.is_up()) else { return };
        if std::mem::replace(&mut node.due[worker as usize], true) {
            return;
        }
        let slow = node.slow_until > self.now;
        let at = Time(self.now.0 + self.pace.turn_us(worker, slow));
        self.queue.push(at, Happening::Turn { node: id, life: node.life, worker });
    }
}

fn name_of(worker: Worker) -> &'static str {
    match worker {
        Worker::Raft => "raft",
        Worker::Log => "log",
        Worker::Apply => "apply",
        Worker::Fetch => "fetch",
    }
}
