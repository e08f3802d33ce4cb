//! The network: a queue for each direction between two nodes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use raft_core::{Incarnation, Message, NodeId, SnapshotMeta, Term, TransferId};

use super::node::State;

/// From whom, to whom.
pub type Link = (NodeId, NodeId);

/// What travels.
#[derive(Clone, Debug)]
pub enum Packet {
    Message { incarnation: Incarnation, message: Message },
    Snapshot { term: Term, id: TransferId, meta: SnapshotMeta, state: State },
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Packet::Message { message, .. } => write!(f, "{}", message.body),
            Packet::Snapshot { id, meta, .. } => write!(f, "Snapshot {id} {meta}"),
        }
    }
}

/// Packets on their way, links that are cut, and packets put aside by name.
#[derive(Default)]
pub struct Network {
    queues: BTreeMap<Link, VecDeque<Packet>>,
    cut: BTreeSet<Link>,
    shelves: BTreeMap<String, Vec<(Link, Packet)>>,
}

impl Network {
    /// Whether packets of this link are lost.
    pub fn is_cut(&self, link: Link) -> bool {
        self.cut.contains(&link)
    }

    pub fn push(&mut self, link: Link, packet: Packet) {
        self.queues.entry(link).or_default().push_back(packet);
    }

    /// Loses what is sent over this link from now on, and what is on its way.
    pub fn cut(&mut self, link: Link) {
        self.cut.insert(link);
    }

    pub fn heal(&mut self) {
        self.cut.clear();
    }

    /// Takes up to `count` packets off each link that is asked for.
    pub fn take(
        &mut self,
        from: Option<NodeId>,
        to: Option<NodeId>,
        count: usize,
    ) -> Vec<(Link, Packet)> {
        let mut taken = Vec::new();
        for (link, queue) in &mut self.queues {
            if from.is_none_or(|id| id == link.0) && to.is_none_or(|id| id == link.1) {
                let count = count.min(queue.len());
                taken.extend(queue.drain(..count).map(|packet| (*link, packet)));
            }
        }
        taken
    }

    /// The links that something is on its way over, and how much.
    pub fn links(&self) -> Vec<(Link, usize)> {
        let lengths = self.queues.iter().map(|(link, queue)| (*link, queue.len()));
        lengths.filter(|(_, length)| *length > 0).collect()
    }

    /// Takes one packet off a link, from whatever place in the queue.
    pub fn take_one(&mut self, link: Link, place: usize) -> Option<Packet> {
        self.queues.get_mut(&link)?.remove(place)
    }

    /// Puts packets aside under a name.
    pub fn shelve(&mut self, name: &str, packets: Vec<(Link, Packet)>) {
        self.shelves.entry(name.to_owned()).or_default().extend(packets);
    }

    /// Takes back what was put aside.
    pub fn unshelve(&mut self, name: &str) -> Option<Vec<(Link, Packet)>> {
        self.shelves.remove(name)
    }

    /// All that is on its way, by link.
    pub fn iter(&self) -> impl Iterator<Item = (Link, &Packet)> {
        self.queues.iter().flat_map(|(link, queue)| queue.iter().map(|packet| (*link, packet)))
    }
}
