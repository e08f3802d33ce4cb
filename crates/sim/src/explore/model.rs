//! The states, and the steps between them.

use std::rc::Rc;

use bytes::Bytes;
use raft_core::{
    Body, Event, Incarnation, Message, NodeId, Proposal, RoleName, Term, Ticket, Time,
};

use super::bounds::{Budget, MAX_NODES};
use super::fingerprint::{self, Fingerprint};
use super::history::{History, Nodes, id_of, place_of};
use super::interned::Interned;
use super::letter::Letter;
use super::node::{Happening, Make, Node, Reaction};
use super::property::Violation;
use super::scenario::{SILENCE, Scenario};
use super::step::Step;

/// The whole cluster, the messages on their way, and what is remembered of the past:
/// all by the numbers that the model gave them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// Node 1, 2, 3 …; 0 where there is none.
    nodes: [u32; MAX_NODES],
    history: u32,
    /// What may still happen.
    pub left: Budget,
    /// On their way, in ascending order; equal ones count once.
    letters: Vec<u32>,
}

impl State {
    /// All of it in 128 bits.
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint::of(self)
    }

    /// How many messages are on their way.
    pub fn letters(&self) -> usize {
        self.letters.len()
    }

    /// All that is on its way is lost.
    pub fn lose_letters(&mut self) {
        self.letters.clear();
    }

    /// The message at this place is not on its way any more.
    pub fn lose_letter(&mut self, number: u32) {
        self.letters.retain(|other| *other != number);
    }

    /// The number of the message at a place.
    pub fn letter(&self, place: usize) -> u32 {
        self.letters[place]
    }

    fn add_letter(&mut self, number: u32) {
        if let Err(place) = self.letters.binary_search(&number) {
            self.letters.insert(place, number);
        }
    }
}

/// The rules of one exploration, and all values that were met.
pub struct Model {
    makes: Vec<Make>,
    scenario: Scenario,
    nodes: Interned<Rc<Node>>,
    letters: Interned<Letter>,
    histories: Interned<Rc<History>>,
    /// Whether the opening is over.
    begun: bool,
    /// What comes of a happening at a node: the same nodes are met again and again
    /// beside others.
    reactions: Interned<Result<Rc<Reacted>, Violation>>,
}

/// A reaction, by numbers.
struct Reacted {
    node: u32,
    letters: Vec<u32>,
    is_nothing: bool,
    reaction: Reaction,
}

impl Model {
    /// The rules of a scenario.
    pub fn new(scenario: Scenario) -> Model {
        Model {
            makes: scenario.makes(),
            scenario,
            nodes: Interned::default(),
            letters: Interned::default(),
            histories: Interned::default(),
            begun: false,
            reactions: Interned::default(),
        }
    }

    /// The opening is over: from now on the scenario's cut holds.
    pub fn begin(&mut self, state: &mut State) {
        self.begun = true;
        let scenario = &self.scenario;
        let is_cut = |letter: &Letter| scenario.is_cut(letter.from(), letter.to());
        state.letters.retain(|number| !is_cut(self.letters.get(*number)));
    }

    /// How many different nodes were met.
    pub fn nodes_met(&self) -> usize {
        self.nodes.len()
    }

    /// New nodes that know nothing, and may do all that the scenario allows.
    ///
    /// # Errors
    ///
    /// If one does not start.
    pub fn fresh(&mut self) -> Result<State, Violation> {
        let mut nodes = [0; MAX_NODES];
        for (number, make) in nodes.iter_mut().zip(&self.makes) {
            let node = Node::new(make)?;
            *number = self.nodes.number(node.fingerprint, || Rc::new(node));
        }
        let history = self.number_of(History::default());
        let left = self.scenario.bounds.budget;
        Ok(State { nodes, history, left, letters: Vec::new() })
    }

    /// The nodes of a state.
    pub fn nodes(&self, state: &State) -> Nodes {
        let numbers = state.nodes.iter().take(self.makes.len());
        numbers.map(|number| self.nodes.get(*number).clone()).collect()
    }

    /// The message at a place.
    pub fn letter(&self, state: &State, place: usize) -> &Letter {
        self.letters.get(state.letters[place])
    }

    /// Loses messages on their way.
    pub fn lose(&self, state: &mut State, is_lost: impl Fn(&Letter) -> bool) {
        state.letters.retain(|number| !is_lost(self.letters.get(*number)));
    }

    /// Forgets what is of a term behind the one on the receiver's disk, and means
    /// nothing any more: answers, which it will ignore whenever they come, and requests
    /// whose sender has a later term on its own disk. Not where that very rule is to be
    /// proved.
    fn lose_what_is_old(&self, state: &mut State, place: usize) {
        if self.scenario.keeps_old_letters {
            return;
        }
        let id = id_of(place);
        let durable: Vec<Term> = state
            .nodes
            .iter()
            .take(self.makes.len())
            .map(|node| self.nodes.get(*node).durable_term())
            .collect();
        let is_behind = |id: NodeId, term: Term| term < durable[place_of(id)];
        self.lose(state, |letter| {
            let Letter::Message { message, .. } = letter else { return false };
            let Message { from, to, term, body } = message;
            let is_pre_vote = matches!(body, Body::PreVote { .. } | Body::PreVoteReply { .. });
            let means_nothing = !body.is_request() || is_behind(*from, *term);
            [*from, *to].contains(&id) && !is_pre_vote && is_behind(*to, *term) && means_nothing
        });
    }

    fn node(&self, state: &State, place: usize) -> &Node {
        self.nodes.get(state.nodes[place])
    }

    fn number_of(&mut self, history: History) -> u32 {
        self.histories.number(fingerprint::of(&history), || Rc::new(history))
    }

    /// All steps from a state, in an order that depends on nothing else.
    pub fn steps(&self, state: &State, steps: &mut Vec<Step>) {
        steps.clear();
        for place in 0..state.letters.len() {
            let to = self.letter(state, place).to();
            if self.node(state, place_of(to)).is_running() {
                steps.push(Step::Deliver { place });
            }
        }
        for place in 0..self.makes.len() {
            let node = self.node(state, place);
            if node.is_running() {
                self.steps_of_role(&state.left, id_of(place), node, steps);
                self.steps_of_reports(state, id_of(place), steps);
                steps_of_work(&state.left, id_of(place), node, steps);
            }
        }
    }

    fn steps_of_role(&self, left: &Budget, id: NodeId, node: &Node, steps: &mut Vec<Step>) {
        match node.role {
            RoleName::Leader => {
                let mut offer = |is_offered: bool, step: Step| {
                    if is_offered {
                        steps.push(step);
                    }
                };
                offer(left.resigns.get(id) > 0, Step::Resign(id));
                offer(left.beats.get(id) > 0, Step::Beat(id));
                offer(left.commands > 0, Step::Propose(id));
                offer(left.changes > 0, Step::Change(id));
                for peer in (0..self.makes.len()).map(id_of).filter(|peer| *peer != id) {
                    offer(left.breaks.get(id) > 0, Step::Break { at: id, peer });
                    offer(left.transfers.get(id) > 0, Step::Transfer { at: id, peer });
                }
            }
            RoleName::Follower | RoleName::PreCandidate | RoleName::Candidate => {
                if left.stands.get(id) > 0 && node.term < self.scenario.bounds.last_term {
                    steps.push(Step::Stand(id));
                }
            }
            RoleName::Learner => {}
        }
    }

    /// A report may be wrong, or speak of a life that ended long ago.
    fn steps_of_reports(&self, state: &State, id: NodeId, steps: &mut Vec<Step>) {
        if state.left.reports.get(id) == 0 {
            return;
        }
        for peer in (0..self.makes.len()).map(id_of).filter(|peer| *peer != id) {
            let now = self.node(state, place_of(peer)).life.0;
            let lives = (now - 1).max(1)..=now;
            steps.extend(lives.map(|life| Step::Gone { at: id, peer, life: Incarnation(life) }));
        }
    }

    /// The state after a step; `None` if it is a message that does nothing here. What
    /// can happen after such a one can also happen before it, for it may come later.
    ///
    /// # Errors
    ///
    /// If it breaks a property.
    pub fn take(&mut self, state: &State, step: Step) -> Result<Option<State>, Violation> {
        let mut next = state.clone();
        let id = self.pay(&mut next, step);
        let place = place_of(id);
        let reacted = self.react(state, place, step)?;
        if matches!(step, Step::Deliver { .. }) && reacted.is_nothing {
            return Ok(None);
        }
        next.nodes[place] = reacted.node;
        self.learn(&mut next, place, &reacted.reaction)?;
        for number in &reacted.letters {
            let letter = self.letters.get(*number);
            if !self.begun || !self.scenario.is_cut(letter.from(), letter.to()) {
                next.add_letter(*number);
            }
        }
        self.lose_what_is_old(&mut next, place);
        Ok(Some(next))
    }

    /// What the core of the node was told in a step, and what it gave out.
    pub fn account(&self, state: &State, step: Step) -> Vec<String> {
        let (place, happening) = self.happening(state, step);
        let reaction = self.node(state, place).react(&self.makes[place], &happening, true);
        reaction.map_or_else(|violation| vec![violation.to_string()], |reaction| reaction.account)
    }

    /// Takes a step's price off what is left, and says to whom it happens.
    fn pay(&mut self, next: &mut State, step: Step) -> NodeId {
        let left = &mut next.left;
        match step {
            Step::Deliver { place } => {
                let to = self.letters.get(next.letters[place]).to();
                if !self.scenario.repeats {
                    next.letters.remove(place);
                }
                to
            }
            Step::Stand(id) => left.stands.pay(id),
            Step::Resign(id) => left.resigns.pay(id),
            Step::Beat(id) => left.beats.pay(id),
            Step::Crash(id, _) => left.crashes.pay(id),
            Step::Break { at, .. } => left.breaks.pay(at),
            Step::Gone { at, .. } => left.reports.pay(at),
            Step::Transfer { at, .. } => left.transfers.pay(at),
            Step::Propose(id) => {
                left.commands -= 1;
                id
            }
            Step::Change(id) => {
                left.changes -= 1;
                id
            }
            Step::Read(id) => {
                let mut history = (**self.histories.get(next.history)).clone();
                history.read_begins(ticket_of_read(left, id));
                left.reads.pay(id);
                next.history = self.number_of(history);
                id
            }
            Step::Write(id)
            | Step::Apply(id)
            | Step::TakeSnapshot(id)
            | Step::ReadDisk(id, _)
            | Step::HandOver(id, _) => id,
        }
    }

    /// What a step means to the node at a place.
    fn happening(&self, state: &State, step: Step) -> (usize, Happening) {
        let left = &state.left;
        let told = |id, event| (place_of(id), Happening::Told(Time(0), event));
        match step {
            Step::Deliver { place } => {
                let letter = self.letter(state, place).clone();
                (place_of(letter.to()), Happening::Came(self.scenario.silence, letter))
            }
            Step::Stand(id) | Step::Beat(id) => told(id, Event::Wakeup),
            Step::Resign(id) => (place_of(id), Happening::Told(SILENCE, Event::Wakeup)),
            Step::Propose(id) => {
                let number = u64::from(left.commands);
                let payload = Bytes::from(number.to_string());
                let proposal = Proposal { ticket: Ticket(number), format: 0, payload };
                told(id, Event::Propose(vec![proposal]))
            }
            Step::Change(id) => {
                let change = self.scenario.change();
                told(id, Event::ChangeMembership { ticket: Ticket(0), change })
            }
            Step::Read(id) => told(id, Event::Read(ticket_of_read(left, id))),
            Step::Break { at, peer } => (place_of(at), Happening::Broke(peer)),
            Step::Gone { at, peer, life } => told(at, Event::PeerGone { peer, incarnation: life }),
            Step::Transfer { at, peer } => {
                told(at, Event::TransferLeadership { ticket: Ticket(0), to: Some(peer) })
            }
            Step::Write(id) => (place_of(id), Happening::Written),
            Step::Apply(id) => (place_of(id), Happening::Applied),
            Step::TakeSnapshot(id) => (place_of(id), Happening::SnapshotTaken),
            Step::ReadDisk(id, at) => (place_of(id), Happening::DiskRead(at)),
            Step::HandOver(id, at) => (place_of(id), Happening::Fetched(at)),
            Step::Crash(id, done) => (place_of(id), Happening::Crashed(done)),
        }
    }

    fn react(&mut self, state: &State, place: usize, step: Step) -> Result<Rc<Reacted>, Violation> {
        let number = state.nodes[place];
        let key = match step {
            Step::Deliver { place } => fingerprint::of(&(number, 0_u8, state.letters[place])),
            _ => fingerprint::of(&(number, 1_u8, self.happening(state, step).1)),
        };
        if let Some(known) = self.reactions.find(key) {
            return self.reactions.get(known).clone();
        }
        let (_, happening) = self.happening(state, step);
        let before = self.nodes.get(number).clone();
        let result = before.react(&self.makes[place], &happening, false).map(|reaction| {
            let node = &reaction.node;
            let node = self.nodes.number(node.fingerprint, || node.clone());
            let letters = reaction
                .letters
                .iter()
                .map(|letter| self.letters.number(fingerprint::of(letter), || letter.clone()));
            let letters = letters.collect();
            let is_nothing = node == number && reaction.is_silent();
            Rc::new(Reacted { node, letters, is_nothing, reaction })
        });
        self.reactions.number(key, || result.clone());
        result
    }

    fn learn(&mut self, next: &mut State, place: usize, what: &Reaction) -> Result<(), Violation> {
        let nodes = self.nodes(next);
        let mut history = self.histories.get(next.history).clone();
        if history.has_news(id_of(place), what) {
            let mut grown = (*history).clone();
            grown.learn(&nodes, place, what)?;
            next.history = self.number_of(grown);
            history = self.histories.get(next.history).clone();
        }
        history.check(&nodes, place)
    }
}

/// What disk and state machine have to do, and that the process may die.
fn steps_of_work(left: &Budget, id: NodeId, node: &Node, steps: &mut Vec<Step>) {
    if left.reads.get(id) > 0 {
        steps.push(Step::Read(id));
    }
    if node.writes() > 0 {
        steps.push(Step::Write(id));
    }
    if node.batches() > 0 {
        steps.push(Step::Apply(id));
    }
    if node.takes_snapshot() {
        steps.push(Step::TakeSnapshot(id));
    }
    for (at, is_read) in node.fetches().enumerate() {
        steps.push(if is_read { Step::HandOver(id, at) } else { Step::ReadDisk(id, at) });
    }
    if left.crashes.get(id) > 0 {
        steps.extend((0..=node.writes()).map(|done| Step::Crash(id, done)));
    }
}

fn ticket_of_read(left: &Budget, id: NodeId) -> Ticket {
    Ticket(id.0 * 1000 + u64::from(left.reads.get(id)))
}
