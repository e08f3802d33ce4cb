//! A scenario: who there is, where it begins, and what may happen then.

use raft_core::{Change, Config, Incarnation, Leave, Limits, Membership, NodeId, Step, Time};

use super::bounds::Bounds;
use super::history::id_of;
use super::node::Make;
use super::opening::Move;

/// How long the core believes that nothing happened before a message comes: so long
/// that nobody is loyal to a leader for having heard of it.
pub const SILENCE: Time = Time(1_000_000);

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
    /// What the core takes for the time since the last event when a message comes:
    /// [`SILENCE`], or none, and then everybody is loyal to the leader that it knows.
    pub silence: Time,
    /// The limits of the nodes.
    pub limits: Limits,
    /// Whether a message may come again and again. If not it comes once at most.
    pub repeats: bool,
    /// Whether messages of an old term stay on their way, for whatever they may do. If
    /// not, answers are lost as soon as a later term is on the receiver's disk, which
    /// makes it ignore them; and requests when it is on the sender's too.
    pub keeps_old_letters: bool,
    /// Two nodes that never hear of each other directly: all between them is lost.
    pub cut: Option<(u64, u64)>,
    /// How it begins.
    pub opening: Vec<Move>,
    /// What may happen then.
    pub bounds: Bounds,
    /// A bug to commit on purpose.
    #[cfg(feature = "planted-bugs")]
    pub planted: Option<raft_core::Bug>,
    /// Whether what is durable is read from disk for peers, though it is in memory too.
    #[cfg(feature = "planted-bugs")]
    pub fetches_durable: bool,
}

impl Scenario {
    /// One with three voters, without pre-votes, that begins with new nodes.
    pub fn new(name: &'static str, about: &'static str, bounds: Bounds) -> Scenario {
        Scenario {
            name,
            about,
            nodes: 3,
            pre_vote: false,
            silence: SILENCE,
            limits: Limits { message_entries: 8, ..Limits::default() },
            repeats: false,
            keeps_old_letters: false,
            cut: None,
            opening: Vec::new(),
            bounds,
            #[cfg(feature = "planted-bugs")]
            planted: None,
            #[cfg(feature = "planted-bugs")]
            fetches_durable: false,
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

    /// The same, where two nodes never hear of each other directly, once it has begun.
    #[must_use]
    pub fn without_link(mut self, one: u64, other: u64) -> Scenario {
        self.cut = Some((one, other));
        self
    }

    /// The same, where messages of an old term stay on their way.
    #[must_use]
    pub fn with_old_letters(mut self) -> Scenario {
        self.keeps_old_letters = true;
        self
    }

    /// The same, where everybody is loyal to the leader that it knows.
    #[must_use]
    pub fn with_loyalty(mut self) -> Scenario {
        self.silence = Time(0);
        self
    }

    /// The same with so many entries in one append.
    #[must_use]
    pub fn with_message_entries(mut self, entries: u64) -> Scenario {
        self.limits.message_entries = entries;
        self
    }

    /// The same, where whatever is applied goes into a snapshot at once, and out of the
    /// log.
    #[must_use]
    pub fn with_snapshots(mut self) -> Scenario {
        self.limits.snapshot_entries = 1;
        self.limits.trailing_entries = 0;
        self.limits.snapshot_tail_entries = 0;
        self
    }

    /// The same, where entries leave the memory as soon as they are applied.
    #[must_use]
    pub fn with_small_cache(mut self) -> Scenario {
        self.limits.cached_entries = 1;
        self
    }

    /// Whether what is sent between two nodes is always lost.
    pub fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        self.cut.is_some_and(|(one, other)| [(one, other), (other, one)].contains(&(from.0, to.0)))
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
        add(self.silence == Time(0), ", loyal to a leader");
        add(self.limits.message_entries == 1, ", one entry a message");
        add(self.limits.snapshot_entries == 1, ", a snapshot of each entry");
        add(self.limits.cached_entries == 1, ", one entry in memory");
        add(self.keeps_old_letters, ", messages of old terms too");
        if let Some((one, other)) = self.cut {
            add(true, &format!(", no link between n{one} and n{other}"));
        }
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
        Config {
            pre_vote: self.pre_vote,
            limits: self.limits.clone(),
            #[cfg(feature = "planted-bugs")]
            planted: self.planted,
            #[cfg(feature = "planted-bugs")]
            fetches_durable: self.fetches_durable,
            ..Config::new(id, Incarnation(1))
        }
    }
}
