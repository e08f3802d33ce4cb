//! A leader that is deposed and does not know it.
//!
//! All but the leader, and perhaps some who stay with it, are told that its process is
//! gone, and for a while nothing that they send reaches it. They elect another one at
//! once; the old one goes on until it misses them. What it was told before may reach it
//! in the middle of that, if links are clogged and not cut.

use kv_statemachine::{KeyRange, RangeRequest};
use raft_core::{NodeId, Time};

use super::{Happening, Phase, World};
use crate::counts::Kind;
use crate::faults::{Ambush, Blow, Fault, Moment, Planned};
use crate::report::Failure;
use crate::rng::Rng;
use crate::workload::Request;

/// The number of the client that reads at a leader while it is being deposed.
const COUP_CLIENT: u64 = 997;
/// Until then somebody reads there, in microseconds after it began.
const FIRST_READ_US: u64 = 20_000;
/// The old leader is to be handed the leadership again so many times after its time apart …
const RETURNS: u64 = 4;
/// … so far apart at most, in microseconds.
const RETURN_US: u64 = 600_000;
/// Its disk stays slow to read for so long after that at most, in microseconds.
const SLOW_AFTER_US: u64 = 3_000_000;

/// What else happens, for it is then that a coup does most harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plot {
    /// Nothing.
    Plain,
    /// The old leader was changing the membership, and the new one wants to at once.
    Changes,
    /// Clients read at the old leader.
    Reads,
    /// The old leader leads again soon.
    Return,
}

impl Plot {
    fn draw(rng: &mut Rng) -> Plot {
        match rng.below(4) {
            0 => Plot::Plain,
            1 => Plot::Changes,
            2 => Plot::Reads,
            _ => Plot::Return,
        }
    }
}

impl World {
    /// Deposes the leader for so long; `cuts`: what is sent meanwhile is lost, both ways.
    pub(super) fn depose(
        &mut self,
        planned: &Planned,
        for_us: u64,
        cuts: bool,
    ) -> Result<(), Failure> {
        let Some((leader, membership)) = self.leader() else { return Ok(()) };
        self.counts.add(Kind::LeaderDeposed);
        // Whoever is cut off already would not get to know of the next leader.
        self.heal_network();
        let mut rng = planned.rng().fork("coup");
        let plot = Plot::draw(&mut rng);
        if plot == Plot::Changes {
            self.administer(planned, &Fault::Remove)?;
            self.lay(planned, change_at_election(for_us, &mut rng));
        }
        let mut others = self.others(leader);
        rng.shuffle(&mut others);
        let voters = membership.voters.len();
        // As many stay with it as leave the others a majority.
        let friends = rng.below((voters as u64).div_ceil(2)) as usize;
        let mut stay = others.split_off(others.len().saturating_sub(friends));
        stay.push(leader);
        let until = Time(self.now.0 + for_us);
        // What only the old leader has is what does harm then.
        if cuts || matches!(plot, Plot::Changes | Plot::Return) {
            self.network.partition(&[stay.clone(), others.clone()]);
            self.queue.push(until, Happening::Mended { nodes: stay });
        } else {
            self.clog(&others, &stay, until);
        }
        match plot {
            Plot::Reads => self.read_meanwhile(leader, for_us, &mut rng),
            Plot::Return => {
                let can_spare_one = others.len() > voters / 2 + 1;
                let absent = others.first().copied().filter(|_| can_spare_one);
                self.plan_return(leader, absent, until, &mut rng);
            }
            Plot::Plain | Plot::Changes => {}
        }
        others.into_iter().try_for_each(|to| self.tell_falsely(to, leader))
    }

    /// Some read at the old leader, first at a time when it is still confirmed.
    fn read_meanwhile(&mut self, leader: NodeId, for_us: u64, rng: &mut Rng) {
        for within_us in [FIRST_READ_US, for_us, for_us, for_us] {
            let at = Time(self.now.0 + rng.below(within_us));
            self.queue.push(at, Happening::ReadThere { node: leader });
        }
    }

    /// The old leader is to lead again, with what it began to read before; another one
    /// misses what comes in between.
    fn plan_return(&mut self, leader: NodeId, absent: Option<NodeId>, until: Time, rng: &mut Rng) {
        let mut at = until;
        for _ in 0..RETURNS {
            at.0 += rng.below(RETURN_US);
            self.queue.push(at, Happening::HandBack { node: leader });
        }
        if let Some(id) = absent {
            self.isolate(id);
            let at = Time(until.0 + rng.below(RETURN_US));
            self.queue.push(at, Happening::Mended { nodes: vec![id] });
        }
        if let Some(node) = self.nodes.get_mut(&leader) {
            node.slow_reads_until = Time(until.0 + rng.below(SLOW_AFTER_US));
            self.counts.add(Kind::SlowReads);
        }
    }

    /// A client reads everything at this node.
    pub(super) fn read_there(&mut self, node: NodeId) -> Result<(), Failure> {
        if self.phase != Phase::Chaos || !self.running().contains(&node) {
            return Ok(());
        }
        let read = RangeRequest::of(KeyRange::from_key("\0"));
        self.ask(COUP_CLIENT, node, Request::Read(read))
    }

    /// The operator wants this node to lead again.
    pub(super) fn hand_back(&mut self, node: NodeId) {
        if self.phase == Phase::Chaos
            && let Some((leader, _)) = self.leader().filter(|(leader, _)| *leader != node)
        {
            self.transfer(leader, Some(node));
        }
    }
}

/// Whoever is elected meanwhile is asked for a change at once.
fn change_at_election(for_us: u64, rng: &mut Rng) -> Ambush {
    Ambush {
        moment: Moment::Elected,
        blow: Blow::Change,
        patience_us: for_us,
        delay_us: rng.below(300),
        for_us: 0,
    }
}
