//! Lets faults happen.

use raft_core::{NodeId, Time};

use super::nodes::Death;
use super::{Happening, Phase, World};
use crate::counts::Kind;
use crate::faults::{Fault, Planned};
use crate::node::Doom;
use crate::report::Failure;

impl World {
    /// Waits for the fault at a place of the plan.
    pub(super) fn await_fault(&mut self, place: usize) {
        if let Some(planned) = self.plan.get(place) {
            self.queue.push(planned.at, Happening::Fault { place });
        }
    }

    /// A fault's time has come.
    pub(super) fn meet_fault(&mut self, place: usize) -> Result<(), Failure> {
        let Some(&planned) = self.plan.get(place).filter(|_| self.phase == Phase::Chaos) else {
            return Ok(());
        };
        self.await_fault(place + 1);
        match planned.fault(&self.present()) {
            Some(fault) => {
                self.note("fault", &format_args!("{}: {fault}", planned.number));
                self.inflict(&planned, &fault)
            }
            None => Ok(()),
        }
    }

    fn inflict(&mut self, planned: &Planned, fault: &Fault) -> Result<(), Failure> {
        match fault {
            Fault::Kill(node) => self.kill(planned, *node, Death::Process, Kind::Kill),
            Fault::PowerLoss(node) => self.kill(planned, *node, Death::Power, Kind::PowerLoss),
            Fault::KillAll => self.kill_all(planned, Death::Process, Kind::KillAll),
            Fault::PowerLossAll => self.kill_all(planned, Death::Power, Kind::PowerLossAll),
            Fault::CrashInTurn(node, after) => {
                self.doom(planned, *node, Doom::PowerLoss, *after);
                Ok(())
            }
            Fault::CrashInGroup(id) => {
                let down_us = planned.downtime_us(*id);
                if let Some(node) = self.nodes.get_mut(id).filter(|node| node.doom.is_none()) {
                    node.doom = Some(Doom::PowerLoss);
                    node.down_us = down_us;
                    node.next_group_is_doomed = true;
                }
                Ok(())
            }
            Fault::DiskError(node, after) => {
                self.doom(planned, *node, Doom::DiskError, *after);
                Ok(())
            }
            Fault::Pause(id, us) => {
                self.pause(*id, Time(self.now.0 + us));
                Ok(())
            }
            Fault::SlowDisk(id, us) => {
                self.slow_disk(*id, Time(self.now.0 + us));
                Ok(())
            }
            Fault::SlowReads(id, us) => {
                let until = Time(self.now.0 + us);
                if let Some(node) = self.nodes.get_mut(id).filter(|node| node.is_up()) {
                    node.slow_reads_until = until;
                    self.counts.add(Kind::SlowReads);
                }
                Ok(())
            }
            Fault::FillDisk(node, bytes, us) => {
                self.fill_disk(*node, *bytes, *us);
                Ok(())
            }
            Fault::DamageDisk(node) => {
                self.set_downtime(planned, *node);
                self.damage(planned, *node)
            }
            Fault::WipeDisk(node) => {
                self.set_downtime(planned, *node);
                self.wipe(planned, *node)
            }
            Fault::JumpClock(id, us) => {
                let now = self.now;
                if let Some(node) = self.nodes.get_mut(id) {
                    node.clock.jump(now, *us);
                    node.wakeup_at = Time::NEVER;
                    self.counts.add(Kind::ClockJump);
                    self.schedule_all(*id);
                }
                Ok(())
            }
            Fault::Clog(from, to, us) => {
                self.clog(&[*from], &[*to], Time(self.now.0 + us));
                Ok(())
            }
            Fault::SlowLink(one, other, us, slower_us) => {
                let until = Time(self.now.0 + us);
                self.network.slow_down(*one, *other, until, *slower_us);
                self.network.slow_down(*other, *one, until, *slower_us);
                self.counts.add(Kind::LinkSlow);
                Ok(())
            }
            Fault::FalseGone(to, peer) => self.tell_falsely(*to, *peer),
            Fault::Depose(us) => self.depose(planned, *us, false),
            Fault::DeposeAndCut(us) => self.depose(planned, *us, true),
            Fault::Ambush(ambush) => {
                self.lay(planned, *ambush);
                Ok(())
            }
            Fault::CutOneWay(from, to) => {
                self.network.cut(*from, *to);
                self.counts.add(Kind::LinkCutOneWay);
                Ok(())
            }
            Fault::CutBothWays(one, other) => {
                self.network.cut(*one, *other);
                self.network.cut(*other, *one);
                self.counts.add(Kind::LinkCutBothWays);
                Ok(())
            }
            Fault::Isolate(node) => {
                self.isolate(*node);
                Ok(())
            }
            Fault::Partition(groups) => {
                self.network.partition(groups);
                self.counts.add(Kind::Partition);
                Ok(())
            }
            Fault::Heal => {
                self.heal_network();
                Ok(())
            }
            Fault::Transfer(_)
            | Fault::AddLearner
            | Fault::Promote
            | Fault::Remove
            | Fault::Replace
            | Fault::RemoveLeader
            | Fault::ReplaceSeveral => self.administer(planned, fault),
        }
    }

    pub(super) fn kill(
        &mut self,
        planned: &Planned,
        id: NodeId,
        death: Death,
        kind: Kind,
    ) -> Result<(), Failure> {
        if let Some(node) = self.nodes.get_mut(&id).filter(|node| node.is_up()) {
            node.down_us = planned.downtime_us(id);
            self.counts.add(kind);
        }
        self.crash(id, death)
    }

    fn kill_all(&mut self, planned: &Planned, death: Death, kind: Kind) -> Result<(), Failure> {
        let running = self.running();
        self.counts.add_many(kind, u64::from(!running.is_empty()));
        for id in running {
            if let Some(node) = self.nodes.get_mut(&id) {
                node.down_us = planned.downtime_us(id);
            }
            self.crash(id, death)?;
        }
        Ok(())
    }

    /// A process stands still until then.
    pub(super) fn pause(&mut self, id: NodeId, until: Time) {
        if let Some(node) = self.nodes.get_mut(&id).filter(|node| node.is_up()) {
            node.paused_until = until;
            self.counts.add(Kind::Pause);
        }
    }

    /// A disk is slow until then.
    pub(super) fn slow_disk(&mut self, id: NodeId, until: Time) {
        if let Some(node) = self.nodes.get_mut(&id).filter(|node| node.is_up()) {
            node.slow_until = until;
            self.counts.add(Kind::SlowDisk);
        }
    }

    /// What goes from these to those is kept back until then.
    pub(super) fn clog(&mut self, from: &[NodeId], to: &[NodeId], until: Time) {
        for &from in from {
            for &to in to {
                self.network.clog(from, to, until);
                self.counts.add(Kind::LinkClogged);
            }
        }
    }

    /// A node gets through to nobody.
    pub(super) fn isolate(&mut self, id: NodeId) {
        self.network.partition(&[vec![id], self.others(id)]);
        self.counts.add(Kind::NodeIsolated);
    }

    /// All nodes but one.
    pub(super) fn others(&self, id: NodeId) -> Vec<NodeId> {
        self.nodes.keys().copied().filter(|other| *other != id).collect()
    }

    /// A node's disk is to fail after so many more operations.
    fn doom(&mut self, planned: &Planned, id: NodeId, doom: Doom, after: u64) {
        if let Some(node) = self.nodes.get_mut(&id).filter(|node| node.doom.is_none()) {
            node.doom = Some(doom);
            node.down_us = planned.downtime_us(id);
            node.disks.fail_after(doom, after);
        }
    }

    /// Mends all links. Whoever can be reached again is looked for.
    pub(super) fn heal_network(&mut self) {
        self.network.heal();
        self.counts.add(Kind::Heal);
        let dead: Vec<NodeId> = self.present().into_iter().filter(|id| !self.is_up(*id)).collect();
        for peer in dead {
            for from in self.running() {
                self.probe(from, peer);
            }
        }
    }

    /// Mends the links of some nodes, unless chaos is over: then all is mended that is to
    /// be.
    pub(super) fn mend(&mut self, nodes: &[NodeId]) {
        if self.phase != Phase::Chaos {
            return;
        }
        for &id in nodes {
            for other in self.others(id) {
                self.network.mend(id, other);
                self.network.mend(other, id);
                self.probe(id, other);
                self.probe(other, id);
            }
        }
    }

    pub(super) fn is_up(&self, id: NodeId) -> bool {
        self.nodes.get(&id).is_some_and(|node| node.is_up())
    }

    /// The nodes that were not stopped for good.
    pub(super) fn present(&self) -> Vec<NodeId> {
        self.nodes.keys().copied().collect()
    }

    fn set_downtime(&mut self, planned: &Planned, id: NodeId) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.down_us = planned.downtime_us(id);
        }
    }
}
