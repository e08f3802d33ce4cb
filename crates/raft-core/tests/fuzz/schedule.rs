//! What can happen next.

use std::time::Duration;

use bytes::Bytes;
use raft_core::{
    Change, Event, Incarnation, Index, Leave, NodeId, Proposal, Step, Ticket, Time, WriteSeq,
};

use super::World;
use crate::cluster::Outcome;

impl World {
    /// One thing happens somewhere. A node that stopped for good ends; one that is
    /// down may start again.
    pub(super) fn happen(&mut self) -> Outcome {
        let id = self.rng.pick(&self.ids);
        let node = &self.cluster.nodes[&id];
        if node.raft.is_none() {
            return if node.stopped.is_none() && self.rng.percent(20) {
                self.cluster.boot(id)
            } else {
                Ok(())
            };
        }
        if node.stopped.is_some() && self.rng.percent(20) {
            return self.cluster.crash(id);
        }
        match self.rng.below(100) {
            0..=39 => self.packet(),
            40..=54 => self.write(id),
            55..=66 => self.work(id),
            67..=75 => self.wake(id),
            76..=79 => {
                let pause = Duration::from_millis(self.rng.below(120));
                self.cluster.now = self.cluster.now.after(pause);
                Ok(())
            }
            80..=92 => self.request(id),
            93..=95 => self.tell_again(id),
            _ => self.fault(id),
        }
    }

    /// A packet arrives, out of order perhaps, is lost or arrives twice.
    fn packet(&mut self) -> Outcome {
        let links = self.cluster.network.links();
        if links.is_empty() {
            return Ok(());
        }
        let (link, waiting) = self.rng.pick(&links);
        let place = if self.rng.percent(75) { 0 } else { self.rng.below(waiting as u64) as usize };
        let Some(packet) = self.cluster.network.take_one(link, place) else { return Ok(()) };
        match self.rng.below(100) {
            0..=4 => self.cluster.lose(link, packet),
            5..=9 => {
                self.cluster.network.push(link, packet.clone());
                self.cluster.deliver(link, packet)
            }
            _ => self.cluster.deliver(link, packet),
        }
    }

    /// The disk performs some writes, and perhaps says so.
    fn write(&mut self, id: NodeId) -> Outcome {
        let writes: Vec<WriteSeq> =
            self.cluster.node(id)?.writes.iter().map(|write| write.seq).collect();
        if writes.is_empty() {
            return Ok(());
        }
        let upto = Some(self.rng.pick(&writes));
        if self.rng.percent(85) {
            return self.cluster.persist(id, upto);
        }
        self.cluster.node(id)?.perform(upto);
        Ok(())
    }

    /// Work that the core gave out is done, or fails.
    fn work(&mut self, id: NodeId) -> Outcome {
        let node = &self.cluster.nodes[&id];
        match self.rng.below(4) {
            0 | 1 if !node.batches.is_empty() => self.cluster.apply(id),
            2 if !node.fetches.is_empty() => self.cluster.fetch(id),
            3 if node.snapshot_wanted => {
                let can_be = self.rng.percent(85);
                self.cluster.take_snapshot(id, can_be)
            }
            _ => Ok(()),
        }
    }

    /// A timer fires, soon enough or after a pause.
    fn wake(&mut self, id: NodeId) -> Outcome {
        let at =
            self.cluster.nodes[&id].raft.as_ref().map_or(Time::NEVER, |raft| raft.next_wakeup());
        let is_soon = at.since(self.cluster.now) < Duration::from_millis(300);
        if at == Time::NEVER || !(is_soon || self.rng.percent(15)) {
            return Ok(());
        }
        self.cluster.now = self.cluster.now.max(at);
        self.cluster.step(id, Event::Wakeup)
    }

    pub(super) fn ticket(&mut self, id: NodeId) -> Ticket {
        let ticket = self.cluster.ticket();
        self.asked.push((ticket, id, self.cluster.nodes[&id].boots));
        ticket
    }

    pub(super) fn propose(&mut self, id: NodeId, count: u64) -> Outcome {
        let mut proposals = Vec::new();
        for _ in 0..count {
            self.commands += 1;
            let payload = Bytes::from(format!("c{}", self.commands));
            proposals.push(Proposal { ticket: self.ticket(id), format: 0, payload });
        }
        self.cluster.step(id, Event::Propose(proposals))
    }

    pub(super) fn read(&mut self, id: NodeId) -> Outcome {
        let ticket = self.ticket(id);
        self.cluster.step(id, Event::Read(ticket))
    }

    fn request(&mut self, id: NodeId) -> Outcome {
        match self.rng.below(20) {
            0..=8 => {
                let count = 1 + self.rng.below(3);
                self.propose(id, count)
            }
            9..=15 => self.read(id),
            16 => {
                let to = Some(self.rng.pick(&self.ids)).filter(|_| self.rng.percent(50));
                let ticket = self.ticket(id);
                self.cluster.step(id, Event::TransferLeadership { ticket, to })
            }
            _ => self.change(id),
        }
    }

    /// Up to three steps at once. Nobody who was removed is added again.
    fn change(&mut self, id: NodeId) -> Outcome {
        let count = 1 + self.rng.below(3);
        let steps = (0..count).map(|_| {
            let id = self.rng.pick(&self.ids);
            match self.rng.below(6) {
                0 | 1 => Step::AddVoter { id, context: Bytes::new() },
                2 => Step::AddLearner { id, context: Bytes::new() },
                3 => Step::Promote(id),
                4 => Step::Demote(id),
                _ => Step::Remove(id),
            }
        });
        let steps = steps.collect();
        let leave = if self.rng.percent(30) { Leave::Explicit } else { Leave::Auto };
        let change = match self.rng.percent(20) {
            true => Change::LeaveJoint,
            false => Change::Steps { steps, leave },
        };
        let ticket = self.ticket(id);
        self.cluster.step(id, Event::ChangeMembership { ticket, change })
    }

    /// What was reported is reported once more.
    fn tell_again(&mut self, id: NodeId) -> Outcome {
        let node = &self.cluster.nodes[&id];
        let Some(status) = node.status() else { return Ok(()) };
        let (performed, snapshot) = (node.performed.0, node.snapshot.0.clone());
        let event = match self.rng.below(3) {
            0 => Event::Persisted(WriteSeq(self.rng.below(performed + 1))),
            1 => Event::Applied(Index(self.rng.below(status.applied.0 + 1))),
            _ => Event::SnapshotTaken(snapshot),
        };
        self.cluster.step_quietly(id, event)
    }

    /// Processes end, links break and heal, peers are reported gone, rightly or not.
    fn fault(&mut self, id: NodeId) -> Outcome {
        let peer = self.rng.pick(&self.ids);
        match self.rng.below(8) {
            0 | 1 => self.cluster.crash(id),
            2 => {
                self.cluster.network.cut((id, peer));
                if self.rng.percent(70) {
                    self.cluster.network.cut((peer, id));
                }
                Ok(())
            }
            3 | 4 => {
                self.cluster.network.heal();
                Ok(())
            }
            5 => self.cluster.step(id, Event::PeerUnreachable(peer)),
            _ => {
                let last = self.cluster.nodes[&peer].incarnation();
                let is_up = self.cluster.nodes[&peer].raft.is_some();
                let ended = u64::from(is_up && self.rng.percent(80));
                let incarnation = Incarnation(last.0 - ended);
                self.cluster.step(id, Event::PeerGone { peer, incarnation })
            }
        }
    }

    /// Does all work at once from here on, reports what was done, and starts everybody.
    pub(super) fn heal(&mut self) -> Outcome {
        self.cluster.network.heal();
        for id in self.ids.clone() {
            let node = self.cluster.node(id)?;
            node.auto = Default::default();
            if node.raft.is_none() && node.stopped.is_none() {
                self.cluster.boot(id)?;
            }
            if self.cluster.nodes[&id].raft.is_some() {
                self.cluster.persist(id, None)?;
            }
        }
        Ok(())
    }

    /// Ends what stopped for good.
    pub(super) fn end_stopped(&mut self) -> Outcome {
        let has_stopped = |id: &NodeId| {
            let node = &self.cluster.nodes[id];
            node.raft.is_some() && node.stopped.is_some()
        };
        let stopped: Vec<NodeId> = self.ids.iter().copied().filter(has_stopped).collect();
        stopped.into_iter().try_for_each(|id| self.cluster.crash(id))
    }
}
