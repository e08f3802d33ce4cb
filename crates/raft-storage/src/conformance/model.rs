//! A naive log, and random writes to it.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft_core::{
    Ballot, Entry, EntryKind, Index, Membership, NodeId, Position, SnapshotMeta, Term,
};

use crate::log_store::{LogStore, LogWrite};
use crate::random::Random;

/// What a log holds, kept in the plainest way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) ballot: Ballot,
    pub(super) base: SnapshotMeta,
    pub(super) entries: BTreeMap<u64, Entry>,
}

impl Model {
    pub(super) fn new(base: SnapshotMeta) -> Model {
        Model { ballot: Ballot::default(), base, entries: BTreeMap::new() }
    }

    pub(super) fn last(&self) -> Position {
        self.entries.last_key_value().map_or(self.base.position, |(_, entry)| entry.position())
    }

    pub(super) fn first(&self) -> u64 {
        self.base.position.index.0 + 1
    }

    /// Position and membership as of an index.
    fn meta_at(&self, index: u64) -> SnapshotMeta {
        let mut meta = self.base.clone();
        for entry in self.entries.range(..=index).map(|(_, entry)| entry) {
            meta.position = entry.position();
            if entry.kind == EntryKind::MEMBERSHIP {
                meta.membership = Membership::decode(entry.format, &entry.payload)
                    .expect("the model makes memberships that can be decoded");
            }
        }
        meta
    }

    pub(super) fn perform(&mut self, write: &LogWrite) {
        match write {
            LogWrite::Ballot(ballot) => self.ballot = *ballot,
            LogWrite::Append(entries) => {
                self.entries.split_off(&entries[0].index.0);
                self.entries.extend(entries.iter().map(|entry| (entry.index.0, entry.clone())));
            }
            LogWrite::Purge(meta) => {
                self.entries = self.entries.split_off(&(meta.position.index.0 + 1));
                self.base = meta.clone();
            }
            LogWrite::Reset(meta) => {
                self.entries.clear();
                self.base = meta.clone();
            }
        }
    }

    /// Draws a write that makes sense now.
    pub(super) fn draw(&self, random: &mut Random) -> LogWrite {
        let (first, last) = (self.first(), self.last());
        match random.below(20) {
            0..3 => LogWrite::Ballot(Ballot {
                term: Term(self.ballot.term.0.max(last.term.0) + random.below(2)),
                vote: Some(NodeId(random.below(4))).filter(|node| node.0 > 0),
            }),
            3..5 => {
                let index = first - 1 + random.below(last.index.0 + 2 - first);
                LogWrite::Purge(self.meta_at(index))
            }
            5 if random.one_in(4) => {
                let term = self.ballot.term.max(last.term);
                let index = Index(last.index.0 + 1 + random.below(5));
                let position = Position { term, index };
                LogWrite::Reset(SnapshotMeta { position, membership: draw_membership(random) })
            }
            6..8 => {
                let from = first + random.below(last.index.0 + 2 - first);
                LogWrite::Append(self.draw_entries(from, random))
            }
            _ => LogWrite::Append(self.draw_entries(last.index.0 + 1, random)),
        }
    }

    fn draw_entries(&self, from: u64, random: &mut Random) -> Vec<Entry> {
        let mut term = self.ballot.term.max(self.meta_at(from - 1).position.term);
        (from..=from + random.below(6))
            .map(|index| {
                term = Term(term.0 + u64::from(random.one_in(12)));
                draw_entry(Position { term, index: Index(index) }, random)
            })
            .collect()
    }

    /// What differs between this and what a store found and reads, if something does.
    pub(super) fn difference(&self, store: &dyn LogStore) -> Option<String> {
        let found = store.recovered();
        if found.ballot != self.ballot {
            return Some(format!("ballot {}, not {}", found.ballot, self.ballot));
        }
        let log = &found.log;
        if (log.base(), log.last()) != (self.base.position, self.last()) {
            return Some(format!(
                "a log from {} to {}, not from {} to {}",
                log.base(),
                log.last(),
                self.base.position,
                self.last()
            ));
        }
        let held = self.base.position.index..=self.last().index;
        if !held.contains(&found.committed) {
            return Some(format!("committed up to {}, of {held:?}", found.committed));
        }
        for index in self.base.position.index.0..=self.last().index.0 {
            let (found, wanted) = (log.meta_at(Index(index)), self.meta_at(index));
            if found.as_ref() != Some(&wanted) {
                return Some(format!("{found:?} at {index}, not {wanted:?}"));
            }
        }
        self.difference_in_entries(store)
    }

    /// What differs between the entries and what a store reads, if something does.
    pub(super) fn difference_in_entries(&self, store: &dyn LogStore) -> Option<String> {
        let reader = store.reader();
        for outside in [self.first() - 1, self.last().index.0 + 1] {
            let last = Index(outside + 10);
            if let Ok(read) = reader.read(Index(outside), last, u64::MAX) {
                return Some(format!("{} entries from {outside} on, not none", read.len()));
            }
        }
        let mut next = self.first();
        while next <= self.last().index.0 {
            match reader.read(Index(next), self.last().index, u64::MAX) {
                Ok(read) if read.is_empty() => return Some(format!("nothing from {next} on")),
                Ok(read) => {
                    for entry in read {
                        if self.entries.get(&next) != Some(&entry) {
                            return Some(format!("{entry} at {next}"));
                        }
                        next += 1;
                    }
                }
                Err(error) => return Some(format!("at {next}: {error}")),
            }
        }
        None
    }
}

/// Draws a group and performs it.
pub(super) fn draw_group(model: &mut Model, random: &mut Random) -> Vec<LogWrite> {
    (0..=random.below(3))
        .map(|_| {
            let write = model.draw(random);
            model.perform(&write);
            write
        })
        .collect()
}

/// What the logs of the checks start after.
pub(super) fn bootstrap() -> SnapshotMeta {
    SnapshotMeta::bootstrap(Membership::of_voters([NodeId(1), NodeId(2), NodeId(3)]))
}

fn draw_entry(position: Position, random: &mut Random) -> Entry {
    let Position { term, index } = position;
    if random.one_in(15) {
        let membership = draw_membership(random);
        let (kind, format) = (EntryKind::MEMBERSHIP, Membership::FORMAT);
        return Entry { term, index, kind, format, payload: membership.encode() };
    }
    if random.one_in(15) {
        return Entry { term, index, kind: EntryKind::NOOP, format: 0, payload: Bytes::new() };
    }
    let length = match random.below(20) {
        0 => random.below(6_000),
        1..4 => random.below(700),
        _ => random.below(40),
    };
    let payload: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
    let format = random.below(3) as u8;
    Entry { term, index, kind: EntryKind::COMMAND, format, payload: Bytes::from(payload) }
}

fn draw_membership(random: &mut Random) -> Membership {
    let first = 1 + random.below(5);
    Membership::of_voters((first..=first + random.below(5)).map(NodeId))
}
