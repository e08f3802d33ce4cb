//! A scenario: who there is, where it begins, and what may happen then.

use raft_core::{Change, Config, Incarnation, Leave, Limits, Membership, NodeId, Step};

use super::bounds::Bounds;
use super::history::id_of;
use super::node::Make;
use super::opening::Move;

/// What is explored.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// How many nodes there are; all are voters at first.
    pub nodes: u64,
    /// Whether candidates ask before they stand.
    pub pre_vote: bool,
    /// How many entries go in one append.
    pub message_entries: u64,
    /// Whether a message may come again and again. If not it comes once at most.
    pub repeats: bool,
    /// How it begins.
    pub opening: Vec<Move>,
    /// What may happen then.
    pub bounds: Bounds,
    /// A bug to commit on purpose.
    #[cfg(feature = "planted-bugs")]
    pub planted: Option<raft_core::Bug>,
}

impl Scenario {
    /// One with three voters, without pre-votes, that begins with new nodes.
    pub fn new(name: &'static str, about: &'static str, bounds: Bounds) -> Scenario {
        Scenario {
            name,
            about,
            nodes: 3,
            pre_vote: false,
            message_entries: 8,
            repeats: false,
            opening: Vec::new(),
            bounds,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }

    /// The same, begun by these moves, after those that it had.
    #[must_use]
    pub fn from(mut self, opening: &[Move]) -> Scenario {
        self.opening.extend_from_slice(opening);
        self
    }

    /// The same with pre-votes.
    #[must_use]
    pub fn with_pre_vote(mut self) -> Scenario {
        self.pre_vote = true;
        self
    }

    /// The same, where messages may come again and again.
    #[must_use]
    pub fn with_repeats(mut self) -> Scenario {
        self.repeats = true;
        self
    }

    /// The same with so many entries in one append.
    #[must_use]
    pub fn with_message_entries(mut self, entries: u64) -> Scenario {
        self.message_entries = entries;
        self
    }

    /// Its bounds, in a line.
    pub fn describe(&self) -> String {
        let mut line = self.bounds.to_string();
        let mut add = |is_so: bool, what: &str| {
            if is_so {
                line.push_str(what);
            }
        };
        add(self.pre_vote, ", pre-votes");
        add(self.message_entries == 1, ", one entry a message");
        add(self.repeats, ", messages come again and again");
        add(!self.repeats, ", messages come once at most");
        line
    }

    /// The membership change that may be asked for: all but node 1 go at once, which
    /// passes through a joint phase.
    pub fn change(&self) -> Change {
        let others = (1..self.nodes).map(|place| id_of(place as usize));
        Change::Steps { steps: others.map(Step::Remove).collect(), leave: Leave::Auto }
    }

    /// What the nodes are made of.
    pub fn makes(&self) -> Vec<Make> {
        let ids: Vec<NodeId> = (0..self.nodes as usize).map(id_of).collect();
        let founders = Membership::of_voters(ids.iter().copied());
        let make = |id: &NodeId| Make {
            config: self.config_of(*id),
            founders: founders.clone(),
            slow_disk: self.bounds.slow_disks.get(*id) > 0,
            slow_state: self.bounds.slow_states.get(*id) > 0,
            slow_fetch: self.bounds.slow_fetches.get(*id) > 0,
        };
        ids.iter().map(make).collect()
    }

    fn config_of(&self, id: NodeId) -> Config {
        let limits = Limits { message_entries: self.message_entries, ..Limits::default() };
        Config {
            pre_vote: self.pre_vote,
            limits,
            #[cfg(feature = "planted-bugs")]
            planted: self.planted,
            ..Config::new(id, Incarnation(1))
        }
    }
}
