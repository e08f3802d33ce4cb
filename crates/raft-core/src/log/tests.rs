//! Summary, cache and ledger together, against two plain lists: the log as it was
//! written, and the log as the disk has it.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::{Log, LogSummary, SnapshotMeta};
use crate::config::Limits;
use crate::effect::{Write, WriteOp};
use crate::entry::{Entry, EntryKind};
use crate::membership::Membership;
use crate::types::{Index, NodeId, Term, Time, TransferId, WriteSeq};

#[derive(Clone, Debug)]
enum Action {
    Append {
        count: u8,
    },
    /// From an index above what is applied on, by so many entries.
    Replace {
        at: u8,
        count: u8,
    },
    /// Up to an index that is applied.
    Purge {
        at: u8,
    },
    /// A snapshot that ends so far behind what is applied.
    Install {
        beyond: u8,
    },
    Ballot,
    /// The disk performs so many writes and reports the last.
    Persist {
        count: u8,
    },
    /// The state machine goes on, within what is durable.
    Apply {
        count: u8,
    },
    Evict {
        entries: u8,
        bytes: u8,
    },
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (1_u8..4).prop_map(|count| Action::Append { count }),
        2 => (any::<u8>(), 1_u8..4).prop_map(|(at, count)| Action::Replace { at, count }),
        1 => any::<u8>().prop_map(|at| Action::Purge { at }),
        1 => (1_u8..9).prop_map(|beyond| Action::Install { beyond }),
        1 => Just(Action::Ballot),
        4 => (1_u8..4).prop_map(|count| Action::Persist { count }),
        2 => (1_u8..4).prop_map(|count| Action::Apply { count }),
        2 => (0_u8..4, any::<u8>()).prop_map(|(entries, bytes)| Action::Evict { entries, bytes }),
    ]
}

/// A log as a list. The payload of each entry is a number of its own, so that an
/// entry that was replaced by an equal one can still be told from it.
#[derive(Clone, Default)]
struct List {
    base: u64,
    entries: Vec<Entry>,
}

impl List {
    fn last(&self) -> u64 {
        self.base + self.entries.len() as u64
    }

    fn write(&mut self, op: &WriteOp) {
        match op {
            WriteOp::Ballot(_) => {}
            WriteOp::Append(entries) => {
                self.entries.truncate((entries[0].index.0 - self.base - 1) as usize);
                self.entries.extend(entries.iter().cloned());
            }
            WriteOp::Purge(meta) => {
                self.entries.retain(|entry| entry.index > meta.position.index);
                self.base = meta.position.index.0;
            }
            WriteOp::Install { meta, .. } => {
                self.base = meta.position.index.0;
                self.entries.clear();
            }
        }
    }

    /// How far the two hold the very same entries.
    fn agrees_up_to(&self, other: &List) -> u64 {
        let start = self.base.max(other.base);
        let mut end = start;
        while end < self.last() && end < other.last() {
            let next = |list: &List| list.entries[(end - list.base) as usize].clone();
            if next(self) != next(other) {
                break;
            }
            end += 1;
        }
        end
    }
}

struct Model {
    log: Log,
    /// What was issued.
    memory: List,
    /// What was performed.
    disk: List,
    writes: Vec<Write>,
    applied: u64,
    serial: u64,
    installing: Option<WriteSeq>,
}

impl Model {
    fn new() -> Model {
        let membership = Membership::of_voters([NodeId(1)]);
        let summary = LogSummary::new(SnapshotMeta::bootstrap(membership));
        Model {
            log: Log::restore(summary, Vec::new()),
            memory: List::default(),
            disk: List::default(),
            writes: Vec::new(),
            applied: 0,
            serial: 0,
            installing: None,
        }
    }

    fn issue(&mut self, write: Write) {
        self.memory.write(&write.op);
        self.writes.push(write);
    }

    fn append(&mut self, first: u64, count: u8) {
        let entry = |i: u64| Entry {
            term: Term(1),
            index: Index(first + i),
            kind: EntryKind::COMMAND,
            format: 0,
            payload: Bytes::from((self.serial + i).to_be_bytes().to_vec()),
        };
        let entries = (0..u64::from(count)).map(entry).collect();
        self.serial += u64::from(count);
        let (last, epoch) = (self.memory.last(), self.log.epoch());
        let write = self.log.append(Time(0), entries).expect("they continue the log");
        let raised = u64::from(first <= last);
        assert_eq!(self.log.epoch(), epoch + raised, "a replacement raises the epoch, no append");
        self.issue(write);
    }

    fn perform(&mut self, action: &Action) {
        match action {
            Action::Append { count } => self.append(self.memory.last() + 1, *count),
            Action::Replace { at, count } => {
                let lowest = self.applied.max(self.memory.base) + 1;
                let first = lowest + u64::from(*at) % (self.memory.last() + 2 - lowest);
                self.append(first, *count);
            }
            Action::Purge { at } if self.installing.is_none() => {
                let room = self.applied - self.memory.base;
                let index = self.memory.base + u64::from(*at) % (room + 1);
                let write = self.log.purge(Time(0), Index(index));
                self.issue(write);
            }
            Action::Install { beyond } if self.installing.is_none() => {
                let index = self.applied + u64::from(*beyond);
                let membership = Membership::of_voters([NodeId(1)]);
                let position = crate::types::Position::new(1, index);
                let meta = SnapshotMeta { position, membership };
                let write = self.log.install(Time(0), NodeId(2), TransferId::default(), meta);
                self.installing = Some(write.seq);
                self.applied = index;
                self.issue(write);
            }
            Action::Purge { .. } | Action::Install { .. } => {}
            Action::Ballot => {
                let write = self.log.write_ballot(Time(0), Default::default());
                self.issue(write);
            }
            Action::Persist { count } => {
                let count = usize::from(*count).min(self.writes.len());
                let done: Vec<Write> = self.writes.drain(..count).collect();
                for write in &done {
                    self.disk.write(&write.op);
                    self.installing.take_if(|seq| *seq == write.seq);
                }
                if let Some(write) = done.last() {
                    assert!(self.log.persisted(write.seq), "it is news");
                    assert!(!self.log.persisted(write.seq), "once");
                }
            }
            Action::Apply { count } if self.installing.is_none() => {
                let durable = self.log.ledger().durable().0;
                self.applied = durable.min(self.applied + u64::from(*count)).max(self.applied);
            }
            Action::Apply { .. } => {}
            Action::Evict { entries, bytes } => {
                let limits = Limits {
                    cached_entries: u64::from(*entries),
                    cached_bytes: u64::from(*bytes),
                    ..Limits::default()
                };
                self.log.evict(Index(self.applied), &limits);
                self.assert_evicted(&limits);
            }
        }
    }

    /// What may leave the cache has left it as far as the limits ask for.
    fn assert_evicted(&self, limits: &Limits) {
        let first = self.log.cache().first();
        let last = self.log.last_index();
        let kept: Vec<&Entry> = self.log.cache().range(first, last).collect();
        let bytes: u64 = kept.iter().map(|entry| entry.size()).sum();
        let fits = kept.len() as u64 <= limits.cached_entries && bytes <= limits.cached_bytes;
        let may_go = Index(self.applied).min(self.log.ledger().durable());
        assert!(fits || first > may_go, "the cache is over its limits");
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let (log, memory) = (&self.log, &self.memory);
        prop_assert_eq!(log.summary().base().index.0, memory.base);
        prop_assert_eq!(log.last_index().0, memory.last());
        let first = log.cache().first();
        prop_assert!(first.0 > memory.base && first.0 <= memory.last() + 1);
        let cached: Vec<Entry> = log.cache().range(first, log.last_index()).cloned().collect();
        prop_assert_eq!(&cached, &memory.entries[(first.0 - memory.base - 1) as usize..]);
        let durable = log.ledger().durable().0;
        if self.installing.is_none() {
            prop_assert!(first.0 <= self.applied.min(durable) + 1, "others are needed yet");
            let purging = self.disk.base < memory.base;
            let agree = memory.agrees_up_to(&self.disk);
            prop_assert!(durable == agree || (purging && durable >= agree.min(memory.base)));
        }
        prop_assert!(durable <= memory.last(), "what is durable is in the log");
        Ok(())
    }
}

proptest! {
    #![proptest_config(Config { cases: 10_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_log_is_what_was_written(actions in vec(action(), 1..40)) {
        let mut model = Model::new();
        for action in &actions {
            model.perform(action);
            model.compare()?;
        }
    }
}
