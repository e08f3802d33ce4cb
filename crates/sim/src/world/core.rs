//! Who is healed for good when chaos ends: everybody, or only so many that the cluster
//! has to work again without the others.
//!
//! A cluster of `2f + 1` bears `f` that never come back, in whatever way they are gone,
//! and however little or much they knew. So in every other run some stay dead, full,
//! deaf, mute or cut off, as many as the majorities of all memberships that may be in force
//! can spare.

use std::collections::BTreeSet;
use std::fmt;

use raft_core::{Membership, NodeId, Time};

use super::World;
use super::nodes::{Death, Trust};
use crate::counts::Kind;
use crate::report::Failure;
use crate::rng::Rng;

/// What becomes of a node that is not healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Its process does not run.
    Dead,
    /// Its disk has no room, whatever it does.
    Full,
    /// Nothing gets through to it or from it.
    CutOff,
    /// Nothing gets through to it; what it says is heard.
    Deaf,
    /// Nothing gets through from it; it hears everything.
    Mute,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fate::Dead => "dead",
            Fate::Full => "full",
            Fate::CutOff => "cut off",
            Fate::Deaf => "deaf",
            Fate::Mute => "mute",
        })
    }
}

impl World {
    /// Chooses who is healed, and leaves the others to their fates.
    pub(super) fn choose_core(&mut self) -> Result<(), Failure> {
        let mut rng = self.rng.fork("core");
        let memberships = self.memberships_in_force();
        let sound = self.nodes.iter().filter(|(_, node)| node.trust == Trust::Sound);
        self.core = sound.map(|(id, _)| *id).collect();
        let lost: Vec<NodeId> =
            self.present().into_iter().filter(|id| !self.core.contains(id)).collect();
        for id in lost {
            self.leave_dead(id)?;
        }
        if rng.one_in(2) {
            self.cut_some_links(&mut rng);
            return Ok(());
        }
        let mut nodes: Vec<NodeId> = self.core.iter().copied().collect();
        rng.shuffle(&mut nodes);
        for id in nodes {
            let spared = |other| other != id && self.core.contains(&other);
            let can_go = memberships.iter().all(|membership| membership.agrees(spared));
            if can_go && rng.below(4) > 0 {
                self.core.remove(&id);
                self.leave_to_fate(id, &mut rng)?;
            }
        }
        if self.present().len() > self.core.len() {
            self.counts.add(Kind::MajorityHealed);
        }
        Ok(())
    }

    /// The committed membership, and whatever later one anybody has in the log: it may
    /// turn out to be committed too.
    pub(super) fn memberships_in_force(&self) -> BTreeSet<Membership> {
        let (index, committed) = &self.committed_membership;
        let disks = self.checks.known().disks.values();
        let on_disks = disks.map(|disk| (disk.log.membership_index(), disk.log.membership()));
        let honest = self.nodes.values().filter(|node| node.is_honest());
        let statuses = honest.filter_map(|node| node.last_status.as_deref());
        let in_memory = statuses.map(|status| (status.membership_index, &status.membership));
        let later = on_disks.chain(in_memory).filter(|(later, _)| later > index);
        let later = later.map(|(_, membership)| membership);
        later.chain([committed]).chain(self.asked_memberships()).cloned().collect()
    }

    fn leave_to_fate(&mut self, id: NodeId, rng: &mut Rng) -> Result<(), Failure> {
        // Without pre-vote who is heard and hears nothing disrupts for ever, whatever
        // the others do (thesis, section 9.6).
        let heard = self.setup.pre_vote;
        let fate = match rng.below(if heard { 6 } else { 5 }) {
            0 | 1 => Fate::Dead,
            2 => Fate::CutOff,
            3 => Fate::Full,
            4 => Fate::Mute,
            _ => Fate::Deaf,
        };
        self.note_of(id, "left", &fate);
        let others: Vec<NodeId> = self.nodes.keys().copied().filter(|other| *other != id).collect();
        for other in others {
            if matches!(fate, Fate::CutOff | Fate::Deaf) {
                self.network.cut(other, id);
            }
            if matches!(fate, Fate::CutOff | Fate::Mute) {
                self.network.cut(id, other);
            }
        }
        match fate {
            Fate::Dead => {
                self.counts.add(Kind::LeftDead);
                self.leave_dead(id)
            }
            Fate::Full => {
                self.counts.add(Kind::LeftFull);
                if let Some(node) = self.nodes.get_mut(&id) {
                    node.disks.fill(0);
                    node.full_until = Time::NEVER;
                }
                Ok(())
            }
            Fate::CutOff | Fate::Deaf | Fate::Mute => {
                self.counts.add(Kind::LeftCutOff);
                self.cut_off.insert(id);
                Ok(())
            }
        }
    }

    fn leave_dead(&mut self, id: NodeId) -> Result<(), Failure> {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.stays_dead = true;
        }
        self.crash(id, Death::Power)
    }
}
