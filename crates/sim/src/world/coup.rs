//! A leader that is deposed and does not know it.
//!
//! All but the leader, and perhaps some who stay with it, are told that its process is
//! gone, and for a while nothing that they send reaches it. They elect another one at
//! once; the old one goes on until it misses them. What it was told before may reach it
//! in the middle of that, if links are clogged and not cut.

use raft_core::{NodeId, Time};

use super::{Happening, World};
use crate::counts::Kind;
use crate::faults::Planned;
use crate::report::Failure;

impl World {
    /// Deposes the leader for so long; `cuts`: what is sent meanwhile is lost, both ways.
    pub(super) fn depose(
        &mut self,
        planned: &Planned,
        for_us: u64,
        cuts: bool,
    ) -> Result<(), Failure> {
        let Some((leader, membership)) = self.leader() else { return Ok(()) };
        let mut rng = planned.rng();
        let mut others = self.others(leader);
        rng.shuffle(&mut others);
        let voters = membership.voters.len() as u64;
        // As many stay with it as leave the others a majority.
        let friends = others.split_off(others.len() - rng.below(voters.div_ceil(2)) as usize);
        let stay: Vec<NodeId> = friends.into_iter().chain([leader]).collect();
        let until = Time(self.now.0 + for_us);
        if cuts {
            self.network.partition(&[stay.clone(), others.clone()]);
            self.queue.push(until, Happening::Mended { nodes: stay });
        } else {
            self.clog(&others, &stay, until);
        }
        self.counts.add(Kind::LeaderDeposed);
        others.into_iter().try_for_each(|to| self.tell_falsely(to, leader))
    }
}
