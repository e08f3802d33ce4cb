//! One node: the real core, its disk, and what is under way between the two.
//!
//! ```text
//!            writes, oldest first         batches, oldest first
//!   core ───────────▶ disk        core ───────────▶ state
//!        Persisted ◀──                 ◀── Applied
//! ```
//!
//! A disk is *slow* if each of its writes takes as long as it likes; a crash then
//! loses any number of the newest. A quick disk has done a write before anything else
//! happens. The state machine is the same way, but what it has applied is durable at
//! once, which is the worst case: nothing it applied may ever be missing in the log.

use std::collections::VecDeque;
use std::hash::Hash;
use std::rc::Rc;

use raft_core::{
    Ballot, Config, Effect, Effects, Entry, Event, Incarnation, Index, LogSummary, Membership,
    Message, Position, Raft, Reply, RoleName, Saved, SnapshotMeta, Term, Ticket, Time, WriteOp,
    WriteSeq,
};

use super::fingerprint::{self, Fingerprint};
use super::property::{Property, Violation};
use crate::panics;

/// What a node is made of that never changes.
#[derive(Clone, Debug)]
pub struct Make {
    /// The core's settings; the incarnation is that of the first life.
    pub config: Config,
    /// Who the cluster begins with.
    pub founders: Membership,
    /// Whether a write takes its time.
    pub slow_disk: bool,
    /// Whether a batch takes its time to be applied.
    pub slow_state: bool,
    /// Whether a read of old entries takes its time.
    pub slow_fetch: bool,
}

/// A message on its way, from one life of its sender.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Letter {
    /// The life that sent it.
    pub life: Incarnation,
    /// What it says.
    pub message: Message,
}

/// What can happen to one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// The core is told of something, after a silence of that length.
    Told(Time, Event),
    /// The oldest write is done.
    Written,
    /// The oldest batch is applied.
    Applied,
    /// The disk is read for a fetch, the one at this place.
    DiskRead(usize),
    /// What was read for a fetch comes to the core.
    Fetched(usize),
    /// The process dies when this many of its writes are done, and starts again.
    Crashed(usize),
}

/// A node between two happenings.
#[derive(Clone, Debug)]
pub struct Node {
    raft: Raft,
    life: Incarnation,
    disk: Disk,
    /// Issued and not done, oldest first.
    writes: VecDeque<WriteOp>,
    /// The last index of each batch given to the state machine, oldest first.
    batches: VecDeque<Index>,
    applied: Index,
    fetches: Vec<Fetch>,
    /// It was removed and stopped for good.
    stopped: bool,
    /// What the core says of itself.
    pub role: RoleName,
    /// The core's term.
    pub term: Term,
    /// The core's commit index.
    pub commit: Index,
    /// The membership in force, as the core knows it.
    pub membership: Membership,
    /// The log with all writes issued.
    pub log: Vec<Entry>,
    /// All of the above in 128 bits.
    pub fingerprint: Fingerprint,
}

/// What survives.
#[derive(Clone, Debug, Default, Hash)]
struct Disk {
    ballot: Ballot,
    log: Vec<Entry>,
}

#[derive(Clone, Debug, Hash)]
struct Fetch {
    id: u64,
    epoch: u64,
    first: Index,
    last: Index,
    /// What the disk held when it was read, once it was.
    read: Option<Option<Vec<Entry>>>,
}

/// What the world learns from a happening.
#[derive(Clone, Debug)]
pub struct Reaction {
    /// The node after it.
    pub node: Rc<Node>,
    /// What it sent.
    pub letters: Vec<Letter>,
    /// What it applied.
    pub applied: Vec<Entry>,
    /// What it answered.
    pub answers: Vec<(Ticket, Reply)>,
    /// Everything the core was told and gave out, for people; empty unless asked for.
    pub account: Vec<String>,
}

impl Reaction {
    /// Whether nobody else learns of it.
    pub fn is_silent(&self) -> bool {
        self.letters.is_empty() && self.applied.is_empty() && self.answers.is_empty()
    }
}

/// How long the core believes that nothing happened before a message comes: so long
/// that nobody is loyal to a leader for having heard of it.
pub const SILENCE: Time = Time(1_000_000);

/// The entry at an index of a log that begins with entry 1.
pub fn entry_at(log: &[Entry], index: Index) -> Option<&Entry> {
    log.get(usize::try_from(index.0.checked_sub(1)?).ok()?)
}

impl Node {
    /// A new node with an empty disk.
    ///
    /// # Errors
    ///
    /// If the core does not start.
    pub fn new(make: &Make) -> Result<Node, Violation> {
        let disk = Disk::default();
        let life = make.config.incarnation;
        let raft = start(make, life, &disk, Index::ZERO)?;
        let mut node = Node {
            raft,
            life,
            disk,
            writes: VecDeque::new(),
            batches: VecDeque::new(),
            applied: Index::ZERO,
            fetches: Vec::new(),
            stopped: false,
            role: RoleName::Follower,
            term: Term::ZERO,
            commit: Index::ZERO,
            membership: Membership::default(),
            log: Vec::new(),
            fingerprint: 0,
        };
        node.look();
        Ok(node)
    }

    /// How many writes are under way.
    pub fn writes(&self) -> usize {
        self.writes.len()
    }

    /// How many batches are being applied.
    pub fn batches(&self) -> usize {
        self.batches.len()
    }

    /// For each fetch under way whether its entries were read.
    pub fn fetches(&self) -> impl Iterator<Item = bool> + '_ {
        self.fetches.iter().map(|fetch| fetch.read.is_some())
    }

    /// Whether it takes part.
    pub fn is_running(&self) -> bool {
        !self.stopped
    }

    /// The log on the disk.
    pub fn disk_log(&self) -> &[Entry] {
        &self.disk.log
    }

    /// The term on the disk, below which it never falls again.
    pub fn durable_term(&self) -> Term {
        self.disk.ballot.term
    }

    /// Whether its disk holds this position.
    pub fn has_durable(&self, position: Position) -> bool {
        entry_at(&self.disk.log, position.index).is_some_and(|entry| entry.position() == position)
    }

    /// What comes of a happening, with all that quick disks and a quick state machine
    /// do at once.
    ///
    /// # Errors
    ///
    /// If that breaks a property of this node alone.
    pub fn react(
        &self,
        make: &Make,
        happening: &Happening,
        with_account: bool,
    ) -> Result<Reaction, Violation> {
        let mut turn = Turn {
            make,
            node: self.clone(),
            letters: Vec::new(),
            applied: Vec::new(),
            answers: Vec::new(),
            account: Vec::new(),
            with_account,
        };
        turn.begin(happening)?;
        turn.finish_what_is_quick()?;
        turn.node.look();
        let Turn { node, letters, applied, answers, account, .. } = turn;
        Ok(Reaction { node: Rc::new(node), letters, applied, answers, account })
    }

    /// Looks at the core once, for everybody.
    fn look(&mut self) {
        self.raft.forget_past();
        let status = self.raft.status();
        self.role = status.role;
        self.term = status.ballot.term;
        self.commit = status.commit;
        self.membership = status.membership;
        let own = (&self.raft, &self.disk, &self.writes, &self.batches, self.applied);
        self.fingerprint = fingerprint::of(&(own, &self.fetches, self.stopped));
    }

    fn write_oldest(&mut self) {
        match self.writes.pop_front() {
            Some(WriteOp::Ballot(ballot)) => self.disk.ballot = ballot,
            Some(WriteOp::Append(entries)) => replace_end(&mut self.disk.log, &entries),
            Some(WriteOp::Purge(_) | WriteOp::Install { .. }) => {
                unreachable!("no snapshots are taken within these limits")
            }
            None => {}
        }
    }
}

/// A node while something happens to it.
struct Turn<'a> {
    make: &'a Make,
    node: Node,
    letters: Vec<Letter>,
    applied: Vec<Entry>,
    answers: Vec<(Ticket, Reply)>,
    account: Vec<String>,
    with_account: bool,
}

impl Turn<'_> {
    fn begin(&mut self, happening: &Happening) -> Result<(), Violation> {
        match happening {
            Happening::Told(at, event) => self.tell(*at, event.clone()),
            Happening::Written => {
                self.node.write_oldest();
                self.tell(Time(0), Event::Persisted(WriteSeq(1)))
            }
            Happening::Applied => self.apply_oldest(),
            Happening::DiskRead(place) => {
                self.read_disk(*place);
                Ok(())
            }
            Happening::Fetched(place) => self.hand_over_fetched(*place),
            Happening::Crashed(done) => self.crash(*done),
        }
    }

    fn finish_what_is_quick(&mut self) -> Result<(), Violation> {
        loop {
            if !self.make.slow_disk && !self.node.writes.is_empty() {
                let count = self.node.writes.len();
                (0..count).for_each(|_| self.node.write_oldest());
                self.tell(Time(0), Event::Persisted(WriteSeq(count as u64)))?;
            } else if !self.make.slow_state && !self.node.batches.is_empty() {
                self.apply_oldest()?;
            } else if !self.make.slow_fetch && !self.node.fetches.is_empty() {
                self.read_disk(0);
                self.hand_over_fetched(0)?;
            } else {
                return Ok(());
            }
        }
    }

    /// Steps the core.
    fn tell(&mut self, now: Time, event: Event) -> Result<(), Violation> {
        if self.node.stopped {
            return Ok(());
        }
        self.note(|| event.to_string());
        let raft = &mut self.node.raft;
        let mut effects = Effects::new();
        let stepped = panics::catch(|| raft.step(now, event, &mut effects));
        stepped.map_err(|what| Violation::of(Property::NoPanic, what))?;
        self.node.raft.forget_past();
        for effect in effects.drain() {
            self.note(|| format!("    {effect}"));
            self.take(effect)?;
        }
        Ok(())
    }

    fn take(&mut self, effect: Effect) -> Result<(), Violation> {
        let node = &mut self.node;
        match effect {
            Effect::Persist(write) => {
                if let WriteOp::Append(entries) = &write.op {
                    replace_end(&mut node.log, entries);
                }
                node.writes.push_back(write.op);
            }
            Effect::Send(message) => {
                let letter = Letter { life: node.life, message };
                self.letters.push(letter);
            }
            Effect::Apply(entries) => {
                for entry in &entries {
                    if !node.has_durable(entry.position()) {
                        return Err(Violation::of(
                            Property::AppliedIsDurable,
                            format!("{entry} is applied and not on the node's disk"),
                        ));
                    }
                }
                node.batches.extend(entries.last().map(|entry| entry.index));
                self.applied.extend(entries);
            }
            Effect::Fetch { id, epoch, first, last, .. } => {
                node.fetches.push(Fetch { id, epoch, first, last, read: None });
            }
            Effect::Answer { ticket, reply } => self.answers.push((ticket, reply)),
            Effect::Stop(_) => node.stopped = true,
            Effect::SendSnapshot { .. }
            | Effect::TakeSnapshot
            | Effect::DiscardSnapshot { .. }
            | Effect::RoleChanged { .. }
            | Effect::MembershipChanged { .. }
            | Effect::Probe(_)
            | Effect::Ignored { .. } => {}
        }
        Ok(())
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if self.with_account {
            self.account.push(line());
        }
    }

    fn apply_oldest(&mut self) -> Result<(), Violation> {
        let Some(last) = self.node.batches.pop_front() else { return Ok(()) };
        self.node.applied = self.node.applied.max(last);
        self.tell(Time(0), Event::Applied(last))
    }

    fn read_disk(&mut self, place: usize) {
        let Some(fetch) = self.node.fetches.get_mut(place) else { return };
        let indexes = fetch.first.0..=fetch.last.0;
        let entries: Vec<Entry> = indexes
            .map_while(|index| entry_at(&self.node.disk.log, Index(index)).cloned())
            .collect();
        fetch.read = Some(Some(entries).filter(|entries| !entries.is_empty()));
    }

    fn hand_over_fetched(&mut self, place: usize) -> Result<(), Violation> {
        if place >= self.node.fetches.len() {
            return Ok(());
        }
        let Fetch { id, epoch, read, .. } = self.node.fetches.remove(place);
        self.tell(Time(0), Event::Fetched { id, epoch, entries: read.flatten() })
    }

    fn crash(&mut self, done: usize) -> Result<(), Violation> {
        let node = &mut self.node;
        (0..done).for_each(|_| node.write_oldest());
        node.writes.clear();
        node.batches.clear();
        node.fetches.clear();
        node.log = node.disk.log.clone();
        node.life = Incarnation(node.life.0 + 1);
        node.raft = start(self.make, node.life, &node.disk, node.applied)?;
        let found = describe(&node.disk);
        self.note(|| format!("crashes, and starts again with {found}"));
        Ok(())
    }
}

/// A core on what its disk holds.
fn start(make: &Make, life: Incarnation, disk: &Disk, applied: Index) -> Result<Raft, Violation> {
    let config = Config { incarnation: life, ..make.config.clone() };
    let refused = |what: String| Violation::of(Property::StartsAgain, what);
    let mut log = LogSummary::new(SnapshotMeta::bootstrap(make.founders.clone()));
    for entry in &disk.log {
        log.append(entry).map_err(|broken| refused(broken.to_string()))?;
    }
    let saved = Saved {
        ballot: disk.ballot,
        log,
        applied,
        committed: applied,
        snapshot: Index::ZERO,
        tail: disk.log.clone(),
    };
    let mut raft =
        Raft::restore(config, saved, Time(0)).map_err(|error| refused(error.to_string()))?;
    raft.forget_past();
    Ok(raft)
}

/// Appends entries; what lies at the first one's index and behind it is replaced.
fn replace_end(log: &mut Vec<Entry>, entries: &[Entry]) {
    if let Some(first) = entries.first() {
        log.truncate(usize::try_from(first.index.0 - 1).unwrap_or(usize::MAX));
        log.extend_from_slice(entries);
    }
}

fn describe(disk: &Disk) -> String {
    let log: Vec<String> = disk.log.iter().map(Entry::to_string).collect();
    format!("{} and [{}] on its disk", disk.ballot, log.join(", "))
}
