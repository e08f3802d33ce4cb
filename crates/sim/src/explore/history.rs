//! What is remembered of the way to a state, as far as the properties speak of it, and
//! the properties that hold between nodes.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::rc::Rc;

use raft_core::{Body, Entry, Index, NodeId, Position, Reply, RoleName, Term, Ticket};

use super::letter::Letter;
use super::node::{Node, Reaction, entry_at};
use super::property::{Property, Violation};

/// Node 1, 2, 3 …
pub type Nodes = Vec<Rc<Node>>;

/// The past of a state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct History {
    leaders: BTreeMap<Term, NodeId>,
    votes: BTreeMap<(NodeId, Term), NodeId>,
    /// What is committed, from entry 1 on, and in which term somebody first knew that.
    committed: Vec<(Entry, Term)>,
    /// Reads under way, and what was committed when each began.
    reads: BTreeMap<Ticket, Index>,
}

impl History {
    /// A read begins.
    pub fn read_begins(&mut self, ticket: Ticket) {
        let committed = Index(self.committed.len() as u64);
        self.reads.insert(ticket, committed);
    }

    /// Whether there is anything to remember of what a node did.
    pub fn has_news(&self, id: NodeId, reaction: &Reaction) -> bool {
        let node = &reaction.node;
        let is_vote = |letter: &Letter| vote_in(letter).is_some();
        let leads = node.role == RoleName::Leader && !self.leaders.contains_key(&node.term);
        let known = self.committed.len() as u64;
        let applied = reaction.applied.last().map_or(Index::ZERO, |entry| entry.index);
        leads
            || node.commit.0.max(applied.0) > known
            || reaction.letters.iter().any(is_vote)
            || reaction.answers.iter().any(|(ticket, _)| self.reads.contains_key(ticket))
            || self
                .leaders
                .get(&node.term)
                .is_some_and(|leader| node.role == RoleName::Leader && *leader != id)
    }

    /// Takes in what a node did, which is `nodes[place]` now.
    ///
    /// # Errors
    ///
    /// If a property does not hold.
    pub fn learn(
        &mut self,
        nodes: &[Rc<Node>],
        place: usize,
        reaction: &Reaction,
    ) -> Result<(), Violation> {
        let node = &nodes[place];
        let id = id_of(place);
        for letter in &reaction.letters {
            self.vote(id, letter)?;
        }
        let known = self.committed.len();
        for entry in &reaction.applied {
            self.commit(id, entry, node.term)?;
        }
        for entry in node.log.iter().take(node.commit.0 as usize).skip(known) {
            self.commit(id, entry, node.term)?;
        }
        if node.role == RoleName::Leader {
            self.lead(id, node.term)?;
            for (entry, _) in &self.committed[known..] {
                on_a_majority(nodes, node, entry.position())?;
            }
        }
        for (ticket, reply) in &reaction.answers {
            self.answered(*ticket, reply)?;
        }
        Ok(())
    }

    /// What can be seen without remembering more.
    ///
    /// # Errors
    ///
    /// If a property does not hold.
    pub fn check(&self, nodes: &[Rc<Node>], place: usize) -> Result<(), Violation> {
        let (node, id) = (&nodes[place], id_of(place));
        for (first, _) in self.committed.iter().take(node.commit.0 as usize) {
            match entry_at(&node.log, first.index) {
                Some(entry) if entry == first => {}
                Some(entry) => return Err(undone(id, entry, first)),
                None => return Err(undone(id, first, first)),
            }
        }
        self.complete_leaders(nodes)?;
        matching_logs(nodes, place)
    }

    fn lead(&mut self, id: NodeId, term: Term) -> Result<(), Violation> {
        match self.leaders.insert(term, id) {
            Some(other) if other != id => Err(Violation::of(
                Property::ElectionSafety,
                format!("{other} led term {term}, and now {id} does"),
            )),
            _ => Ok(()),
        }
    }

    /// A candidate votes for itself, and says so by asking.
    fn vote(&mut self, id: NodeId, letter: &Letter) -> Result<(), Violation> {
        let Some((whom, term)) = vote_in(letter) else { return Ok(()) };
        match self.votes.insert((id, term), whom) {
            Some(other) if other != whom => Err(Violation::of(
                Property::OneVoteATerm,
                format!("{id} votes for {whom} in term {term}, and had for {other}"),
            )),
            _ => Ok(()),
        }
    }

    fn commit(&mut self, id: NodeId, entry: &Entry, term: Term) -> Result<(), Violation> {
        match entry_of(&self.committed, entry.index) {
            Some(first) if first == entry => Ok(()),
            Some(first) => Err(undone(id, entry, first)),
            None => {
                self.committed.push((entry.clone(), term));
                Ok(())
            }
        }
    }

    fn complete_leaders(&self, nodes: &[Rc<Node>]) -> Result<(), Violation> {
        for (place, node) in nodes.iter().enumerate() {
            if node.role != RoleName::Leader {
                continue;
            }
            for (entry, term) in &self.committed {
                let own = entry_at(&node.log, entry.index);
                if *term < node.term && own != Some(entry) {
                    return Err(Violation::of(
                        Property::LeaderCompleteness,
                        format!(
                            "{} leads term {} without {entry}, committed in term {term}",
                            id_of(place),
                            node.term
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    fn answered(&mut self, ticket: Ticket, reply: &Reply) -> Result<(), Violation> {
        match (self.reads.remove(&ticket), reply) {
            (Some(begun), Reply::ReadAt(index)) if *index < begun => Err(Violation::of(
                Property::FreshReads,
                format!("read {ticket} is served at {index}, and began when {begun} was committed"),
            )),
            _ => Ok(()),
        }
    }
}

/// Whom the sender votes for by this, and in which term.
fn vote_in(letter: &Letter) -> Option<(NodeId, Term)> {
    let Letter::Message { message, .. } = letter else { return None };
    match message.body {
        Body::Vote { .. } => Some((message.from, message.term)),
        Body::VoteReply { granted: true } => Some((message.to, message.term)),
        _ => None,
    }
}

fn undone(id: NodeId, entry: &Entry, first: &Entry) -> Violation {
    Violation::of(
        Property::CommittedForGood,
        format!("{id} has {entry} committed where {first} was"),
    )
}

/// The node at a place.
pub fn id_of(place: usize) -> NodeId {
    NodeId(place as u64 + 1)
}

/// The place of a node.
pub fn place_of(id: NodeId) -> usize {
    (id.0 as usize).wrapping_sub(1)
}

fn entry_of(committed: &[(Entry, Term)], index: Index) -> Option<&Entry> {
    committed.get((index.0 as usize).wrapping_sub(1)).map(|(entry, _)| entry)
}

/// A leader counts what disks hold, by the configuration in its own log.
fn on_a_majority(nodes: &[Rc<Node>], leader: &Node, what: Position) -> Result<(), Violation> {
    let has = |id: NodeId| nodes.get(place_of(id)).is_some_and(|node| node.has_durable(what));
    if leader.membership.agrees(has) {
        return Ok(());
    }
    Err(Violation::of(
        Property::CommittedIsDurable,
        format!(
            "the leader of term {} takes {what} for committed, and no majority of {} has it on disk",
            leader.term, leader.membership
        ),
    ))
}

/// Compares the log of one node, in memory and on its disk, with all others.
fn matching_logs(nodes: &[Rc<Node>], place: usize) -> Result<(), Violation> {
    let own = &nodes[place];
    for (at, other) in nodes.iter().enumerate().filter(|(at, _)| *at != place) {
        let pairs = [
            (own.log.as_slice(), other.log.as_slice()),
            (own.log.as_slice(), other.disk_log()),
            (own.disk_log(), other.log.as_slice()),
            (own.disk_log(), other.disk_log()),
        ];
        for (one, two) in pairs {
            let same = |(a, b): &(&Entry, &Entry)| a.position() == b.position();
            let Some(last) = one.iter().zip(two).rposition(|pair| same(&pair)) else { continue };
            if let Some((a, b)) = one.iter().zip(two).take(last + 1).find(|(a, b)| a != b) {
                return Err(Violation::of(
                    Property::LogMatching,
                    format!(
                        "{} and {} both have {}, but {a} and {b} before it",
                        id_of(place),
                        id_of(at),
                        one[last].position()
                    ),
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use raft_core::{EntryKind, Message};

    use super::super::scenarios;
    use super::*;

    fn entry(term: u64, index: u64, payload: &'static str) -> Entry {
        Entry {
            term: Term(term),
            index: Index(index),
            kind: EntryKind::COMMAND,
            format: 0,
            payload: Bytes::from_static(payload.as_bytes()),
        }
    }

    /// A new node, made to seem what it is not.
    fn node(change: impl Fn(&mut Node)) -> Rc<Node> {
        let scenario = scenarios::named("replication").expect("it is there");
        let mut node = Node::new(&scenario.makes()[0]).expect("it starts");
        change(&mut node);
        Rc::new(node)
    }

    fn leader(term: u64, log: &[Entry]) -> Rc<Node> {
        node(|node| {
            (node.role, node.term, node.log) = (RoleName::Leader, Term(term), log.to_vec());
        })
    }

    fn knows(commit: u64, log: &[Entry]) -> Rc<Node> {
        node(|node| (node.commit, node.log) = (Index(commit), log.to_vec()))
    }

    fn silent(node: &Rc<Node>) -> Reaction {
        Reaction {
            node: node.clone(),
            letters: Vec::new(),
            applied: Vec::new(),
            answers: Vec::new(),
            account: Vec::new(),
        }
    }

    /// What the first node to break a property breaks, each being node 1, 2, 3 …
    fn broken(history: &mut History, nodes: &[Rc<Node>]) -> Option<Property> {
        let all: Nodes = nodes.to_vec();
        (0..nodes.len()).find_map(|place| {
            let learned = history.learn(&all, place, &silent(&nodes[place]));
            learned.and_then(|()| history.check(&all, place)).err().map(|found| found.property)
        })
    }

    fn verdict(nodes: &[Rc<Node>]) -> Option<Property> {
        broken(&mut History::default(), nodes)
    }

    #[test]
    fn two_leaders_of_a_term_are_rejected() {
        assert_eq!(verdict(&[leader(1, &[]), leader(2, &[])]), None);
        let found = verdict(&[leader(1, &[]), leader(1, &[])]);
        assert_eq!(found, Some(Property::ElectionSafety));
    }

    #[test]
    fn logs_that_differ_below_an_equal_position_are_rejected() {
        let log = |first| vec![entry(1, 1, first), entry(2, 2, "b")];
        assert_eq!(verdict(&[knows(0, &log("a")), knows(0, &log("a"))]), None);
        let found = verdict(&[knows(0, &log("a")), knows(0, &log("x"))]);
        assert_eq!(found, Some(Property::LogMatching));
    }

    #[test]
    fn another_entry_committed_is_rejected() {
        let found = verdict(&[knows(1, &[entry(1, 1, "a")]), knows(1, &[entry(2, 1, "a")])]);
        assert_eq!(found, Some(Property::CommittedForGood));
    }

    #[test]
    fn a_leader_that_lacks_what_is_committed_is_rejected() {
        let committed = knows(1, &[entry(1, 1, "a")]);
        assert_eq!(verdict(&[committed.clone(), leader(1, &[entry(1, 1, "a")])]), None);
        let found = verdict(&[committed, leader(1, &[])]);
        assert_eq!(found, Some(Property::LeaderCompleteness));
    }

    #[test]
    fn what_only_memory_holds_is_not_committed() {
        let mut hasty = (*leader(1, &[entry(1, 1, "a")])).clone();
        hasty.commit = Index(1);
        assert_eq!(verdict(&[Rc::new(hasty)]), Some(Property::CommittedIsDurable));
    }

    #[test]
    fn two_votes_in_a_term_are_rejected() {
        let voter = knows(0, &[]);
        let reply = |to| Letter::Message {
            life: raft_core::Incarnation(1),
            message: Message {
                from: NodeId(1),
                to: NodeId(to),
                term: Term(1),
                body: Body::VoteReply { granted: true },
            },
        };
        let votes = |to| Reaction { letters: vec![reply(to)], ..silent(&voter) };
        let mut history = History::default();
        let nodes = [voter.clone()];
        assert_eq!(history.learn(&nodes, 0, &votes(2)), Ok(()));
        assert_eq!(history.learn(&nodes, 0, &votes(2)), Ok(()));
        let found = history.learn(&nodes, 0, &votes(3)).expect_err("it is the second vote");
        assert_eq!(found.property, Property::OneVoteATerm);
    }

    #[test]
    fn a_read_of_the_past_is_rejected() {
        let reader = knows(1, &[entry(1, 1, "a")]);
        let nodes = [reader.clone()];
        let answer = |index| Reaction {
            answers: vec![(Ticket(7), Reply::ReadAt(Index(index)))],
            ..silent(&reader)
        };
        let mut history = History::default();
        assert_eq!(history.learn(&nodes, 0, &silent(&reader)), Ok(()));
        history.read_begins(Ticket(7));
        assert_eq!(history.clone().learn(&nodes, 0, &answer(1)), Ok(()));
        let found = history.learn(&nodes, 0, &answer(0)).expect_err("it is stale");
        assert_eq!(found.property, Property::FreshReads);
    }
}
