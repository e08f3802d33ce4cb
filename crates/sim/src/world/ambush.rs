//! Faults that wait for their moment, and strike.

use raft_core::{NodeId, Status, Time};

use super::nodes::Death;
use super::{Happening, Phase, World};
use crate::counts::Kind;
use crate::faults::{Ambush, Blow, Fault, Moment, Planned};
use crate::node::Process;
use crate::report::Failure;

/// The faults that wait.
#[derive(Debug, Default)]
pub(super) struct Ambushes {
    /// In the order in which they were laid, with the time at which they give up.
    waiting: Vec<(Time, Planned, Ambush)>,
}

impl Ambushes {
    /// Whether one waits for this moment.
    fn is_awaited(&self, moment: Moment) -> bool {
        self.waiting.iter().any(|(_, _, ambush)| ambush.moment == moment)
    }

    /// The first that waits for this moment; it waits no more.
    fn take(&mut self, now: Time, moment: Moment) -> Option<(Planned, Ambush)> {
        self.waiting.retain(|(until, ..)| *until > now);
        let place = self.waiting.iter().position(|(_, _, ambush)| ambush.moment == moment)?;
        let (_, planned, ambush) = self.waiting.remove(place);
        Some((planned, ambush))
    }
}

impl World {
    /// Lays an ambush.
    pub(super) fn lay(&mut self, planned: &Planned, ambush: Ambush) {
        let until = Time(self.now.0 + ambush.patience_us);
        self.ambushes.waiting.push((until, *planned, ambush));
    }

    /// A node has come to a moment: whoever waits for it strikes before long.
    pub(super) fn come_to(&mut self, moment: Moment, node: NodeId) {
        if !self.ambushes.is_awaited(moment) {
            return;
        }
        if let Some((planned, ambush)) = self.ambushes.take(self.now, moment) {
            let at = Time(self.now.0 + ambush.delay_us);
            self.queue.push(at, Happening::Strike { planned, ambush, node });
        }
    }

    /// A node's core has moved: to which moments?
    pub(super) fn come_to_moments(&mut self, before: Option<&Moments>, status: &Status) {
        let now = Moments::of(status);
        let was = |is: fn(&Moments) -> bool| before.is_some_and(is);
        if now.leads && !was(|before| before.leads) {
            self.come_to(Moment::Elected, status.id);
        }
        if before.is_some_and(|before| before.membership_index != now.membership_index) {
            if status.membership.is_joint() {
                self.come_to(Moment::Joint, status.id);
            }
            if now.leads {
                self.come_to(Moment::Changing, status.id);
            }
        }
    }

    /// A worker has taken a turn: is the node in the middle of something?
    pub(super) fn come_to_turns(&mut self, id: NodeId) {
        let Some(process) = self.nodes.get(&id).and_then(|node| node.process.as_ref()) else {
            return;
        };
        let awaits = |moment| self.ambushes.is_awaited(moment);
        let is_installing = awaits(Moment::Installing) && process.is_installing();
        let is_replacing = awaits(Moment::Replacing) && self.is_replacing(id, process);
        if is_installing {
            self.come_to(Moment::Installing, id);
        }
        if is_replacing {
            self.come_to(Moment::Replacing, id);
        }
    }

    fn is_replacing(&self, id: NodeId, process: &Process) -> bool {
        let disk = self.checks.known().disks.get(&id);
        disk.is_some_and(|disk| process.is_replacement_waiting(disk.log.last().index))
    }

    /// An ambush strikes.
    pub(super) fn strike(
        &mut self,
        planned: &Planned,
        ambush: &Ambush,
        id: NodeId,
    ) -> Result<(), Failure> {
        if self.phase != Phase::Chaos || !self.is_up(id) {
            return Ok(());
        }
        self.counts.add(Kind::Ambush);
        let what = format_args!("{}: {:?} at {:?}", planned.number, ambush.blow, ambush.moment);
        self.trace.note(self.now, Some(id), "struck", &what);
        let until = Time(self.now.0 + ambush.for_us);
        match ambush.blow {
            Blow::Kill => return self.kill(planned, id, Death::Process, Kind::Kill),
            Blow::PowerLoss => return self.kill(planned, id, Death::Power, Kind::PowerLoss),
            Blow::Pause => self.pause(id, until),
            Blow::SlowDisk => self.slow_disk(id, until),
            Blow::CutOff => {
                self.isolate(id);
                self.queue.push(until, Happening::Mended { nodes: vec![id] });
            }
            Blow::ClogTo => self.clog(&self.others(id), &[id], until),
            Blow::ClogFrom => self.clog(&[id], &self.others(id), until),
            Blow::Change => return self.administer(planned, &change(planned)),
            Blow::Transfer => return self.administer(planned, &Fault::Transfer(None)),
        }
        Ok(())
    }
}

/// What is compared of a status before and after a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    leads: bool,
    membership_index: raft_core::Index,
}

impl Moments {
    pub(super) fn of(status: &Status) -> Moments {
        let leads = status.role == raft_core::RoleName::Leader;
        Moments { leads, membership_index: status.membership_index }
    }
}

/// Some change of the membership.
fn change(planned: &Planned) -> Fault {
    let changes = [
        Fault::AddLearner,
        Fault::Promote,
        Fault::Remove,
        Fault::Remove,
        Fault::Remove,
        Fault::Remove,
        Fault::Remove,
        Fault::RemoveLeader,
        Fault::Replace,
        Fault::ReplaceSeveral,
    ];
    let place = planned.rng().below(changes.len() as u64);
    changes[place as usize].clone()
}
