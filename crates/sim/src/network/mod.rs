//! The network between the nodes.
//!
//! Every ordered pair of nodes is a [`link`](Network) of its own with a delay,
//! and with a loss and a repetition that are drawn frame by frame. A link that
//! is cut loses everything sent into it, and says nothing: whoever sends finds
//! out by a report of its transport.
//!
//! ```text
//!   lane      carries                    lost  repeated  overtaken  cut
//!   datagram  messages of the protocol   yes   yes       yes        yes
//!   stream    forwarded writes           yes   no        yes        yes
//!   snapshot  the chunks of a snapshot   the whole stream breaks     yes
//! ```
//!
//! A link may be slow for a while, so that everything on it takes longer, or clogged:
//! what is sent into it waits, and arrives all at once when it is free again.
//!
//! On every lane a bit may flip. That must be noticed where the frame arrives, and ends
//! the connection that brought it: the frame is lost, and both ends know.
//!
//! The protocol's own messages fare worse than on any real connection, for the
//! protocol promises to bear it. A forwarded write is sent once and a connection
//! never repeats it, so the network does not either.

mod profile;

use std::collections::BTreeMap;

use raft_core::{NodeId, Time};

pub use profile::Profile;

use crate::rng::Rng;

/// How a frame travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// May be lost, repeated and overtaken.
    Datagram,
    /// May be lost and overtaken, is never repeated.
    Stream,
    /// Comes in order, until the stream breaks.
    Snapshot,
}

/// What becomes of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never arrives; if the link is cut, the sender's transport may notice.
    Lost {
        /// Whether because the link is cut.
        cut: bool,
    },
    /// It arrives then.
    Arrives {
        /// When.
        at: Time,
        /// Before one that was sent earlier.
        overtakes: bool,
        /// Once more, later.
        again: Option<Time>,
    },
}

/// The state of all links.
#[derive(Debug)]
pub struct Network {
    rng: Rng,
    profile: Profile,
    links: BTreeMap<(NodeId, NodeId), Link>,
}

#[derive(Clone, Debug, Default)]
struct Link {
    cut: bool,
    /// Nothing arrives before this time.
    clogged_until: Time,
    /// When the last of what was kept back arrives.
    last_clogged: Time,
    /// Until this time …
    slow_until: Time,
    /// … everything takes so many microseconds longer.
    slower_us: u64,
    /// When the last of all frames sent so far arrives.
    last_arrival: Time,
    /// When the last frame on the snapshot lane arrives.
    last_chunk: Time,
}

impl Network {
    /// A network without cuts.
    pub fn new(profile: Profile, rng: Rng) -> Network {
        Network { rng, profile, links: BTreeMap::new() }
    }

    /// From now on frames fare by another profile.
    pub fn set_profile(&mut self, profile: Profile) {
        self.profile = profile;
    }

    /// Sends a frame into a link.
    pub fn send(&mut self, now: Time, from: NodeId, to: NodeId, lane: Lane) -> Fate {
        if self.is_cut(from, to) {
            return Fate::Lost { cut: true };
        }
        let profile = &self.profile;
        let loss = match lane {
            Lane::Snapshot => profile.stream_break_per_mille,
            Lane::Datagram | Lane::Stream => profile.loss_per_mille,
        };
        if self.rng.per_mille(loss) {
            return Fate::Lost { cut: false };
        }
        let mut at = profile.arrival(now, &mut self.rng);
        let link = self.links.entry((from, to)).or_default();
        if link.slow_until > now {
            at.0 += link.slower_us;
        }
        if link.clogged_until > at {
            // What was kept back comes in the order in which it was sent.
            at = Time(link.clogged_until.max(link.last_clogged).0 + self.rng.between(0, 300));
            link.last_clogged = at;
        }
        let repeats = lane == Lane::Datagram && self.rng.per_mille(profile.repeat_per_mille);
        let again = repeats.then(|| profile.arrival(at, &mut self.rng));
        if lane == Lane::Snapshot {
            at = at.max(link.last_chunk);
            link.last_chunk = at;
        }
        let overtakes = at < link.last_arrival;
        link.last_arrival = link.last_arrival.max(at).max(again.unwrap_or(at));
        Fate::Arrives { at, overtakes, again }
    }

    /// The bit that flips in a frame of so many bytes on its way, if one does.
    pub fn flipped_bit(&mut self, bytes: usize) -> Option<usize> {
        let flips = self.rng.per_mille(self.profile.damage_per_mille);
        flips.then(|| self.rng.below(8 * bytes as u64) as usize)
    }

    /// When a report about the other end may reach a node: behind everything
    /// that is still on its way from there.
    pub fn report_at(&mut self, now: Time, about: NodeId, to: NodeId) -> Time {
        let at = self.profile.arrival(now, &mut self.rng);
        let last = self.links.get(&(about, to)).map_or(Time(0), |link| link.last_arrival);
        Time(at.0.max(last.0 + 1))
    }

    /// Whether frames get through in one direction.
    pub fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        self.links.get(&(from, to)).is_some_and(|link| link.cut)
    }

    /// Whether frames get through in both directions, as a connection needs.
    pub fn connects(&self, one: NodeId, other: NodeId) -> bool {
        !self.is_cut(one, other) && !self.is_cut(other, one)
    }

    /// Cuts one direction. What is on its way still arrives.
    pub fn cut(&mut self, from: NodeId, to: NodeId) {
        self.links.entry((from, to)).or_default().cut = true;
    }

    /// Lets nothing arrive in one direction before a time; nothing is lost.
    pub fn clog(&mut self, from: NodeId, to: NodeId, until: Time) {
        self.links.entry((from, to)).or_default().clogged_until = until;
    }

    /// Makes one direction slower until a time, by so many microseconds.
    pub fn slow_down(&mut self, from: NodeId, to: NodeId, until: Time, slower_us: u64) {
        let link = self.links.entry((from, to)).or_default();
        (link.slow_until, link.slower_us) = (until, slower_us);
    }

    /// Cuts every link between nodes of different groups, both ways. A node in no
    /// group keeps its links.
    pub fn partition(&mut self, groups: &[Vec<NodeId>]) {
        for (i, group) in groups.iter().enumerate() {
            for (_, other) in groups.iter().enumerate().filter(|(j, _)| *j != i) {
                for (from, to) in group.iter().flat_map(|a| other.iter().map(move |b| (*a, *b))) {
                    self.cut(from, to);
                }
            }
        }
    }

    /// Mends one direction.
    pub fn mend(&mut self, from: NodeId, to: NodeId) {
        if let Some(link) = self.links.get_mut(&(from, to)) {
            link.cut = false;
        }
    }

    /// Mends everything.
    pub fn heal(&mut self) {
        for link in self.links.values_mut() {
            (link.cut, link.clogged_until, link.slow_until) = (false, Time(0), Time(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NodeId = NodeId(1);
    const B: NodeId = NodeId(2);
    const C: NodeId = NodeId(3);

    fn network(profile: Profile) -> Network {
        Network::new(profile, Rng::new(5))
    }

    fn send_many(network: &mut Network, lane: Lane) -> Vec<Fate> {
        (0..2000).map(|i| network.send(Time(i * 100), A, B, lane)).collect()
    }

    #[test]
    fn a_calm_network_loses_and_repeats_nothing() {
        for fate in send_many(&mut network(Profile::calm()), Lane::Datagram) {
            assert!(matches!(fate, Fate::Arrives { again: None, .. }), "{fate:?}");
        }
    }

    #[test]
    fn a_rough_network_does_it_all() {
        let fates = send_many(&mut network(Profile::rough()), Lane::Datagram);
        assert!(fates.contains(&Fate::Lost { cut: false }));
        assert!(fates.iter().any(|fate| matches!(fate, Fate::Arrives { again: Some(_), .. })));
        assert!(fates.iter().any(|fate| matches!(fate, Fate::Arrives { overtakes: true, .. })));
    }

    #[test]
    fn forwarded_writes_are_never_repeated() {
        for fate in send_many(&mut network(Profile::rough()), Lane::Stream) {
            assert!(!matches!(fate, Fate::Arrives { again: Some(_), .. }), "{fate:?}");
        }
    }

    #[test]
    fn chunks_of_a_snapshot_come_in_order() {
        let mut last = Time(0);
        for fate in send_many(&mut network(Profile::rough()), Lane::Snapshot) {
            if let Fate::Arrives { at, .. } = fate {
                assert!(at >= last, "a chunk overtook another");
                last = at;
            }
        }
        assert!(last > Time(0));
    }

    #[test]
    fn cuts_have_a_direction_and_heal() {
        let mut network = network(Profile::calm());
        network.cut(A, B);
        assert_eq!(network.send(Time(0), A, B, Lane::Datagram), Fate::Lost { cut: true });
        assert!(matches!(network.send(Time(0), B, A, Lane::Datagram), Fate::Arrives { .. }));
        assert!(!network.connects(A, B) && !network.connects(B, A) && network.connects(A, C));
        network.mend(A, B);
        assert!(network.connects(A, B));
        network.partition(&[vec![A], vec![B, C]]);
        assert!(network.is_cut(A, B) && network.is_cut(C, A) && !network.is_cut(B, C));
        network.heal();
        assert!(network.connects(A, B) && network.connects(A, C));
    }

    #[test]
    fn a_clogged_link_keeps_everything_back_and_a_slow_one_delays_it() {
        let mut network = network(Profile::calm());
        let arrival =
            |network: &mut Network, now| match network.send(Time(now), A, B, Lane::Datagram) {
                Fate::Arrives { at, .. } => at,
                Fate::Lost { .. } => panic!("a calm network loses nothing"),
            };
        network.clog(A, B, Time(50_000));
        let (one, other) = (arrival(&mut network, 0), arrival(&mut network, 49_000));
        assert!((50_000..=51_000).contains(&one.0) && (50_000..=51_000).contains(&other.0));
        network.slow_down(A, B, Time(200_000), 30_000);
        assert!(arrival(&mut network, 100_000) >= Time(130_000));
        network.heal();
        assert!(arrival(&mut network, 100_000) < Time(101_000));
    }

    #[test]
    fn a_report_comes_behind_what_is_on_its_way() {
        let mut network = network(Profile::rough());
        let mut last = Time(0);
        for fate in send_many(&mut network, Lane::Datagram) {
            if let Fate::Arrives { at, again, .. } = fate {
                last = last.max(at).max(again.unwrap_or(at));
            }
        }
        assert!(network.report_at(Time(0), A, B) > last);
    }
}
