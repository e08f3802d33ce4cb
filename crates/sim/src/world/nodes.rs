//! The nodes: their disks, and how their processes begin and end.

use std::collections::{BTreeMap, BTreeSet};

use raft_core::{Incarnation, NodeId, SnapshotMeta, Status, Time};
use raft_net::TransportEvent;

use super::pace::Pace;
use super::{Happening, World};
use crate::checks::Fact;
use crate::counts::Kind;
use crate::node::{Booted, Clock, Disks, Doom, Process, ProcessConfig, Worker};
use crate::report::Failure;

/// A process that cannot start is started again within this, in microseconds.
const RESTART_US: u64 = 2_000_000;

/// A node, whether its process runs or not.
pub(super) struct Node {
    pub(super) disks: Disks,
    pub(super) process: Option<Process>,
    pub(super) clock: Clock,
    /// How quick its workers are.
    pub(super) pace: Pace,
    /// Counts the lives of the process.
    pub(super) life: u64,
    /// The incarnation of the last life.
    pub(super) incarnation: Incarnation,
    /// The process stands still until then.
    pub(super) paused_until: Time,
    /// The disk is slow until then.
    pub(super) slow_until: Time,
    /// Reading from its disk is slow until then.
    pub(super) slow_reads_until: Time,
    /// The node is to crash, or to fail, at an operation on its disk.
    pub(super) doom: Option<Doom>,
    /// After the next death the process starts again after so many microseconds.
    pub(super) down_us: u64,
    /// The operation of its doom is the first of the next group that its log writes.
    pub(super) next_group_is_doomed: bool,
    /// Whether its disks still have what it promised.
    pub(super) trust: Trust,
    /// It runs, if it does, on a wiped disk.
    pub(super) is_impostor: bool,
    /// The node that is to take its place.
    pub(super) substitute: Option<NodeId>,
    /// Its disk has little room until then.
    pub(super) full_until: Time,
    /// When it was put up.
    pub(super) added_at: Time,
    /// Its process is never to start again.
    pub(super) stays_dead: bool,
    /// Whether a dead process's machine refuses connections: not without power.
    pub(super) machine_answers: bool,
    /// The peers that the transport is about to notice to be out of reach.
    pub(super) noticing: BTreeSet<NodeId>,
    /// The last report that a peer is gone.
    pub(super) told_gone_at: Option<Time>,
    /// The folders of its peers that its transport has on record: those of members who
    /// were removed too, for as long as the process lives.
    pub(super) records: BTreeMap<NodeId, u64>,
    /// How the core stood after its last turn.
    pub(super) last_status: Option<Box<Status>>,
    bootstrap: SnapshotMeta,
    /// Which workers have a turn coming.
    pub(super) due: [bool; Worker::ALL.len()],
    /// When the core wants to be woken, as far as that is in the queue.
    pub(super) wakeup_at: Time,
    /// Whether the log store is about to hear that there is a pause.
    pub(super) idle_due: bool,
}

/// Whether a node's disks still have what it promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// They have.
    Sound,
    /// Something on them was damaged; the next start will tell.
    Doubtful,
    /// They have not, and the node is of no use any more.
    Lost,
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

    /// Whether its process runs, and on the disk that it always had.
    pub(super) fn is_honest(&self) -> bool {
        self.is_up() && !self.is_impostor
    }

    fn may_start(&self) -> bool {
        !self.is_up() && !self.stays_dead && (self.trust != Trust::Lost || self.is_impostor)
    }
}

impl World {
    /// Puts up a new node with empty disks and starts it.
    pub(super) fn add_node(&mut self, id: NodeId, bootstrap: SnapshotMeta) {
        let rng = self.rng.fork("nodes").fork_number(id.0);
        let node = Node {
            disks: Disks::new(id, &rng),
            process: None,
            clock: self.setup.clock(self.now, &mut rng.fork("clock")),
            pace: Pace::new(rng.fork("pace"), self.setup.sync_us),
            life: 0,
            incarnation: Incarnation(0),
            paused_until: Time(0),
            slow_until: Time(0),
            slow_reads_until: Time(0),
            doom: None,
            down_us: 0,
            next_group_is_doomed: false,
            trust: Trust::Sound,
            is_impostor: false,
            substitute: None,
            full_until: Time(0),
            added_at: self.now,
            stays_dead: false,
            machine_answers: true,
            noticing: BTreeSet::new(),
            told_gone_at: None,
            records: BTreeMap::new(),
            last_status: None,
            bootstrap,
            due: Default::default(),
            wakeup_at: Time::NEVER,
            idle_due: false,
        };
        self.nodes.insert(id, node);
        let at = Time(self.now.0 + self.notice.between(1, 20_000));
        self.queue.push(at, Happening::Boot { node: id });
    }

    /// Starts a node's process.
    pub(super) fn boot(&mut self, id: NodeId) -> Result<(), Failure> {
        if self.is_impostor(id) && self.is_remembered(id) {
            self.note_of(id, "lost", "its peers know it with another disk");
            self.counts.add(Kind::WipedRefusedStart);
            self.restart_later(id);
            return Ok(());
        }
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.may_start()) else {
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
        let shown = node.clock.shows(self.now);
        let Booted { found, seen, process } = Process::boot(&config, &mut node.disks, shown);
        if node.is_impostor {
            self.impostors.insert(node.incarnation);
        }
        if let Some(found) = found.as_ref().filter(|_| !self.is_impostor(id)) {
            self.observe(&Fact::Booted { node: id, found })?;
            self.counts.add_many(Kind::CutOffGroup, u64::from(found.cut_off_bytes > 0));
            let (ballot, last) = (found.ballot, found.log.last());
            self.note_of(id, "boot", &format_args!("life {life}, {ballot}, log up to {last}"));
        }
        self.take_in(id, seen)?;
        let Some(node) = self.nodes.get_mut(&id) else { return Ok(()) };
        let process = match process {
            Ok(process) => process,
            Err(error) if node.disks.has_failed() => {
                self.note_of(id, "died", &format_args!("while starting: {error}"));
                return self.doomed(id);
            }
            Err(error) if node.disks.is_full() => {
                node.disks.kill();
                self.note_of(id, "died", &format_args!("while starting: {error}"));
                self.counts.add(Kind::DiskFullDeath);
                self.restart_later(id);
                return Ok(());
            }
            Err(error) if node.disks.is_damaged() => {
                self.refuse_damage(id, &error.to_string());
                return Ok(());
            }
            Err(error) => {
                let what = format!("{id}, life {life}: {error}");
                return Err(Failure::RefusedToStart(what));
            }
        };
        node.process = Some(process);
        if node.trust == Trust::Doubtful {
            node.trust = Trust::Sound;
            node.disks.trust();
        }
        node.due = Default::default();
        node.wakeup_at = Time::NEVER;
        node.paused_until = Time(0);
        node.told_gone_at = None;
        node.records.clear();
        node.last_status = None;
        node.idle_due = false;
        if life > 1 {
            self.counts.add(Kind::Restart);
            self.announce_gone(id, before, None);
        }
        self.connect(id);
        self.stepped(id)?;
        self.after_turn(id)
    }

    /// Ends a node's process, if it runs, and lets it start again after a while.
    pub(super) fn crash(&mut self, id: NodeId, death: Death) -> Result<(), Failure> {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.is_up()) else {
            return Ok(());
        };
        let was_joint = node.last_status.take().is_some_and(|status| status.membership.is_joint());
        self.counts.add_many(Kind::CrashWhileJoint, u64::from(was_joint));
        let was_installing = node.process.as_ref().is_some_and(Process::is_installing);
        self.counts.add_many(Kind::CrashWhileInstalling, u64::from(was_installing));
        node.process = None;
        node.doom = None;
        node.next_group_is_doomed = false;
        node.machine_answers = death == Death::Process;
        match death {
            Death::Process => node.disks.kill(),
            Death::Power => {
                let (lost, torn) = node.disks.losses();
                node.disks.lose_power();
                let after = node.disks.losses();
                self.counts.add_many(Kind::WritesLost, after.0 - lost);
                self.counts.add_many(Kind::WritesTorn, after.1 - torn);
            }
        }
        let incarnation = node.incarnation;
        self.fail_pending(id)?;
        for peer in self.peers_of(id) {
            self.hear_unreachable(peer, id);
        }
        if death == Death::Process {
            self.announce_gone(id, incarnation, None);
        }
        self.boot_later(id);
        Ok(())
    }

    /// A dead process is to start again after its time.
    fn boot_later(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.get(&id) {
            let at = Time(self.now.0 + node.down_us);
            self.queue.push(at, Happening::Boot { node: id });
        }
    }

    /// A process that cannot start is started again before long, as a supervisor does.
    fn restart_later(&mut self, id: NodeId) {
        let at = Time(self.now.0 + self.notice.between(100_000, RESTART_US));
        self.queue.push(at, Happening::Boot { node: id });
    }

    /// A disk refused an operation as it was planned.
    pub(super) fn doomed(&mut self, id: NodeId) -> Result<(), Failure> {
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
        self.boot_later(id);
        Ok(())
    }

    fn count_doom(&mut self, doom: Option<Doom>) {
        match doom {
            Some(Doom::PowerLoss) => self.counts.add(Kind::CrashInTurn),
            Some(Doom::DiskError) => self.counts.add(Kind::DiskError),
            None => {}
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
        if !self.shake_hands(to, peer) {
            return;
        }
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
        self.schedule_raft(to);
        true
    }

    /// A node that was removed stops for good.
    pub(super) fn retire(&mut self, id: NodeId) -> Result<(), Failure> {
        self.crash(id, Death::Process)?;
        self.nodes.remove(&id);
        Ok(())
    }
}
