//! Something happens to a node: its core is told, and what it asks for is done.

use std::rc::Rc;

use raft_core::{
    Effect, Effects, Entry, Event, Incarnation, NodeId, Reply, Term, Ticket, Time, TransferId,
    WriteOp, WriteSeq,
};

use super::disk::replace_end;
use super::letter::{Letter, Parcel};
use super::node::{Fetch, Happening, Make, Node, Reaction};
use super::property::{Property, Violation};
use crate::panics;

/// What comes of a happening, with all that is quick.
///
/// # Errors
///
/// If that breaks a property of this node alone.
pub fn take(
    before: &Node,
    make: &Make,
    happening: &Happening,
    with_account: bool,
) -> Result<Reaction, Violation> {
    let mut turn = Turn {
        make,
        node: before.clone(),
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
            Happening::Came(at, letter) => self.open(*at, letter),
            Happening::Told(at, event) => self.tell(*at, event.clone()),
            Happening::Broke(peer) => self.lose_stream(*peer),
            Happening::Written => {
                self.node.write_oldest();
                self.tell(Time(0), Event::Persisted(WriteSeq(1)))
            }
            Happening::Applied => self.apply_oldest(),
            Happening::SnapshotTaken => self.take_snapshot(),
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
            } else if !self.make.slow_state && self.node.takes_snapshot {
                self.take_snapshot()?;
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
                match &write.op {
                    WriteOp::Append(entries) => replace_end(&mut node.log, entries),
                    WriteOp::Install { from, id, .. } => {
                        let snapshot = node.aside.get(&(*from, *id));
                        let snapshot = snapshot.expect("what is installed lies aside");
                        node.log.clone_from(&snapshot.entries);
                    }
                    WriteOp::Ballot(_) | WriteOp::Purge(_) => {}
                }
                node.writes.push_back(write.op);
            }
            Effect::Send(message) => {
                let letter = Letter::Message { life: node.life, message };
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
            Effect::TakeSnapshot => node.takes_snapshot = true,
            Effect::SendSnapshot { to, term, id } => self.ship(to, term, id),
            Effect::DiscardSnapshot { from, id } => {
                node.aside.remove(&(from, id));
            }
            Effect::RoleChanged { .. }
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

    fn open(&mut self, at: Time, letter: &Letter) -> Result<(), Violation> {
        match letter {
            Letter::Message { .. } => {}
            Letter::Snapshot(Parcel { from, to, id, snapshot, .. }) => {
                self.node.aside.insert((*from, *id), snapshot.clone());
                self.letters.push(Letter::Receipt { from: *to, to: *from, id: *id });
            }
            Letter::Receipt { from, id, .. } => {
                self.node.shipments.retain(|shipment| *shipment != (*from, *id));
            }
        }
        self.tell(at, letter.event())
    }

    fn ship(&mut self, to: NodeId, term: Term, id: TransferId) {
        let node = &mut self.node;
        node.shipments.retain(|(receiver, _)| *receiver != to);
        node.shipments.push((to, id));
        let (from, snapshot) = (self.make.config.id, node.disk.snapshot.clone());
        self.letters.push(Letter::Snapshot(Parcel { from, to, term, id, snapshot }));
    }

    /// What was sent on the stream may have come or may yet come; a snapshot is given up.
    fn lose_stream(&mut self, peer: NodeId) -> Result<(), Violation> {
        self.tell(Time(0), Event::PeerUnreachable(peer))?;
        let lost = self.node.shipments.extract_if(.., |(to, _)| *to == peer);
        for (to, id) in lost.collect::<Vec<_>>() {
            self.tell(Time(0), Event::SnapshotSent { to, id, delivered: false })?;
        }
        Ok(())
    }

    fn apply_oldest(&mut self) -> Result<(), Violation> {
        let Some(last) = self.node.batches.pop_front() else { return Ok(()) };
        self.node.disk.applied = self.node.disk.applied.max(last);
        self.tell(Time(0), Event::Applied(last))
    }

    fn take_snapshot(&mut self) -> Result<(), Violation> {
        self.node.takes_snapshot = false;
        let meta = self.node.disk.take_snapshot()?;
        self.tell(Time(0), Event::SnapshotTaken(meta))
    }

    fn read_disk(&mut self, place: usize) {
        let Some(fetch) = self.node.fetches.get_mut(place) else { return };
        fetch.read = Some(self.node.disk.read(fetch.first, fetch.last));
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
        node.takes_snapshot = false;
        node.aside.clear();
        node.shipments.clear();
        node.log = node.disk.log.clone();
        node.life = Incarnation(node.life.0 + 1);
        node.raft = node.disk.start(self.make, node.life)?;
        let found = node.disk.to_string();
        self.note(|| format!("crashes, and starts again with {found}"));
        Ok(())
    }
}
