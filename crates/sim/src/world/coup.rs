//! A leader that is deposed and does not know it.
//!
//! All but the leader, and perhaps some who stay with it, are told that its process is
//! gone, and for a while nothing that they send reaches it. They elect another one at
//! once; the old one goes on until it misses them. What it was told before may reach it
//! in the middle of that, if links are clogged and not cut.
//!
//! ```text
//!   old leader   ── changes the membership? ── serves reads? ──────── led again? ──▶
//!   others       told that it is gone ─▶ elect ─▶ change the membership? ── lose one? ──▶
//!                │◀──────────── kept apart ────────────▶│
//! ```
//!
//! Some coups come with more, for it is then that it does most harm.

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
/// The old leader is handed the leadership again within this after its time apart, in
/// microseconds.
const RETURN_US: u64 = 400_000;
/// Its disk stays slow to read for so long after that, in microseconds.
const SLOW_AFTER_US: u64 = 1_500_000;

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
        let changes = rng.one_in(3);
        if changes {
            self.administer(planned, &Fault::Remove)?;
            let ambush = Ambush {
                moment: Moment::Elected,
                blow: Blow::Change,
                patience_us: for_us,
                delay_us: rng.below(300),
                for_us: 0,
            };
            self.lay(planned, ambush);
        }
        let mut others = self.others(leader);
        rng.shuffle(&mut others);
        // As many stay with it as leave the others a majority.
        let voters = membership.voters.len();
        let friends = rng.below((voters as u64).div_ceil(2)) as usize;
        let mut stay = others.split_off(others.len().saturating_sub(friends));
        stay.push(leader);
        let until = Time(self.now.0 + for_us);
        // A change that only the old leader has is the one that does harm.
        if cuts || changes {
            self.network.partition(&[stay.clone(), others.clone()]);
            self.queue.push(until, Happening::Mended { nodes: stay });
        } else {
            self.clog(&others, &stay, until);
        }
        self.follow_deposed(leader, for_us, &mut rng);
        let can_spare_one = others.len() > voters / 2 + 1;
        if let Some(id) = others.first().copied().filter(|_| can_spare_one && rng.one_in(3)) {
            self.isolate(id);
            let until = Time(until.0 + RETURN_US + rng.below(RETURN_US));
            self.queue.push(until, Happening::Mended { nodes: vec![id] });
        }
        others.into_iter().try_for_each(|to| self.tell_falsely(to, leader))
    }

    /// What happens at the old leader meanwhile, and after that.
    fn follow_deposed(&mut self, leader: NodeId, for_us: u64, rng: &mut Rng) {
        if rng.one_in(2) {
            let first = self.now.0 + rng.below(FIRST_READ_US);
            let later = (0..3).map(|_| self.now.0 + rng.below(for_us));
            for at in later.chain([first]).collect::<Vec<u64>>() {
                self.queue.push(Time(at), Happening::ReadThere { node: leader });
            }
        }
        if rng.one_in(2) {
            let at = Time(self.now.0 + for_us + rng.below(RETURN_US));
            self.queue.push(at, Happening::HandBack { node: leader });
        }
        if rng.one_in(3)
            && let Some(node) = self.nodes.get_mut(&leader)
        {
            node.slow_reads_until = Time(self.now.0 + for_us + SLOW_AFTER_US);
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
