//! One node: a core, its disk, its state machine, and the work they gave out.

use std::collections::{BTreeMap, VecDeque};

use raft_core::{Config, Effects, Entry, Event, Incarnation, Index, NodeId, Raft};
use raft_core::{
    Saved, SnapshotMeta, Status, StopReason, Time, TransferId, Write, WriteOp, WriteSeq,
};

use super::log_view::LogView;

/// The state machine: the list of what was applied, from index 1 on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub applied: Vec<Entry>,
}

impl State {
    pub fn index(&self) -> Index {
        self.applied.last().map_or(Index::ZERO, |entry| entry.index)
    }
}

/// A read of old entries that the core asked for.
#[derive(Clone, Debug)]
pub struct Fetch {
    pub id: u64,
    pub epoch: u64,
    pub first: Index,
    pub last: Index,
    pub max_bytes: u64,
}

/// Which kinds of work are done at once; the others wait for a command.
#[derive(Clone, Copy, Debug)]
pub struct Auto {
    pub disk: bool,
    pub apply: bool,
    pub fetch: bool,
    pub snapshot: bool,
}

impl Default for Auto {
    fn default() -> Auto {
        Auto { disk: true, apply: true, fetch: true, snapshot: true }
    }
}

/// One node. What a crash loses: the core, `memory`, `writes` and all other work.
pub struct Node {
    pub config: Config,
    pub boots: u64,
    /// `None` while the node is down.
    pub raft: Option<Raft>,
    /// What the writes issued so far add up to.
    pub memory: LogView,
    /// What the writes performed so far add up to.
    pub disk: LogView,
    /// Writes issued and not performed.
    pub writes: VecDeque<Write>,
    /// The last write performed in this life.
    pub performed: WriteSeq,
    pub state: State,
    pub snapshot: (SnapshotMeta, State),
    /// Snapshots that came in and lie aside.
    pub aside: BTreeMap<(NodeId, TransferId), (SnapshotMeta, State)>,
    pub batches: VecDeque<Vec<Entry>>,
    pub fetches: VecDeque<Fetch>,
    /// The core asked for a snapshot.
    pub snapshot_wanted: bool,
    pub auto: Auto,
    pub stopped: Option<StopReason>,
}

impl Node {
    /// A new node that is not running yet. Its log starts after `base`.
    pub fn new(config: Config, base: SnapshotMeta, auto: Auto) -> Node {
        Node {
            config,
            boots: 0,
            raft: None,
            memory: LogView::new(base.clone()),
            disk: LogView::new(base.clone()),
            writes: VecDeque::new(),
            performed: WriteSeq(0),
            state: State::default(),
            snapshot: (base, State::default()),
            aside: BTreeMap::new(),
            batches: VecDeque::new(),
            fetches: VecDeque::new(),
            snapshot_wanted: false,
            auto,
            stopped: None,
        }
    }

    /// The life of its process, the present or the last one: n2's third is 23.
    pub fn incarnation(&self) -> Incarnation {
        Incarnation(self.config.id.0 * 16 + self.boots)
    }

    /// Starts the process from what the disk holds.
    pub fn boot(&mut self, now: Time) -> Result<(), String> {
        self.boots += 1;
        self.config.incarnation = self.incarnation();
        let applied = self.state.index();
        let above = |entry: &&Entry| entry.index > applied;
        let saved = Saved {
            ballot: self.disk.ballot,
            log: self.disk.summary(),
            applied,
            committed: applied,
            snapshot: self.snapshot.0.position.index,
            tail: self.disk.entries.iter().filter(above).cloned().collect(),
        };
        let raft = Raft::restore(self.config.clone(), saved, now).map_err(|e| e.to_string())?;
        self.memory = self.disk.clone();
        self.raft = Some(raft);
        Ok(())
    }

    /// Ends the process. What is not on the disk is gone.
    pub fn crash(&mut self) {
        self.raft = None;
        self.memory = self.disk.clone();
        self.writes.clear();
        self.performed = WriteSeq(0);
        self.aside.clear();
        self.batches.clear();
        self.fetches.clear();
        self.snapshot_wanted = false;
    }

    /// Gives the core one event. A copy of its status that is brought up to date is as
    /// good as a new one, always.
    pub fn step(&mut self, now: Time, event: Event) -> Effects {
        let mut effects = Effects::new();
        if let Some(raft) = &mut self.raft {
            let before = raft.status();
            raft.step(now, event, &mut effects);
            let mut status = before.clone();
            let changed = raft.refresh(&mut status);
            assert_eq!(status, raft.status(), "the copy is brought up to date");
            assert_eq!(changed, status != before, "it is known whether anything changed");
        }
        effects
    }

    pub fn status(&self) -> Option<Status> {
        self.raft.as_ref().map(Raft::status)
    }

    /// Performs the writes up to `upto`, as the disk does: in order.
    pub fn perform(&mut self, upto: Option<WriteSeq>) {
        while let Some(write) = self.writes.front() {
            if upto.is_some_and(|upto| write.seq > upto) {
                return;
            }
            if let WriteOp::Install { from, id, .. } = &write.op {
                let (meta, state) =
                    self.aside.remove(&(*from, *id)).expect("what is installed lies aside");
                self.batches.clear();
                self.state = state.clone();
                self.snapshot = (meta, state);
            }
            self.disk.write(&write.op);
            self.performed = write.seq;
            self.writes.pop_front();
        }
    }

    /// Applies the oldest batch. Returns how far the state is then.
    pub fn apply_one(&mut self) -> Option<Index> {
        let batch = self.batches.pop_front()?;
        let last = batch.last()?.index;
        self.state.applied.extend(batch);
        Some(last)
    }

    /// Reads what the oldest fetch asks for.
    pub fn read(&mut self) -> Option<Event> {
        let Fetch { id, epoch, first, last, max_bytes } = self.fetches.pop_front()?;
        let mut bytes = 0;
        let mut entries = Vec::new();
        for index in first.0..=last.0 {
            let Some(entry) = self.disk.entry(Index(index)) else { break };
            bytes += entry.size();
            if bytes > max_bytes && !entries.is_empty() {
                break;
            }
            entries.push(entry.clone());
        }
        let entries = Some(entries).filter(|entries| !entries.is_empty());
        Some(Event::Fetched { id, epoch, entries })
    }

    /// Takes a snapshot of the state as it is.
    pub fn take_snapshot(&mut self) -> SnapshotMeta {
        self.snapshot_wanted = false;
        let meta = self.disk.summary().meta_at(self.state.index()).expect("applied is in the log");
        self.snapshot = (meta.clone(), self.state.clone());
        meta
    }
}
