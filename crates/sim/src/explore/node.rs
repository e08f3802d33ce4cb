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

use std::collections::{BTreeMap, VecDeque};
use std::hash::Hash;
use std::rc::Rc;

use raft_core::{
    Config, Entry, Event, Incarnation, Index, Membership, NodeId, Position, Raft, Reply, RoleName,
    Term, Ticket, Time, TransferId, WriteOp,
};

use super::disk::Disk;
use super::fingerprint::{self, Fingerprint};
use super::letter::{Letter, Snapshot};
use super::property::Violation;
use super::turn;

/// What a node is made of that never changes.
#[derive(Clone, Debug)]
pub struct Make {
    /// The core's settings; the incarnation is that of the first life.
    pub config: Config,
    /// Who the cluster begins with.
    pub founders: Membership,
    /// Whether a write takes its time.
    pub slow_disk: bool,
    /// Whether a batch takes its time to be applied, and a snapshot to be taken.
    pub slow_state: bool,
    /// Whether a read of old entries takes its time.
    pub slow_fetch: bool,
}

/// What can happen to one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// Something comes from another node, after a silence of that length.
    Came(Time, Letter),
    /// The core is told of something, after a silence of that length.
    Told(Time, Event),
    /// The stream to a peer breaks.
    Broke(NodeId),
    /// The oldest write is done.
    Written,
    /// The oldest batch is applied.
    Applied,
    /// The snapshot that was asked for is complete.
    SnapshotTaken,
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
    pub(super) raft: Raft,
    /// How many lives it has begun.
    pub life: Incarnation,
    pub(super) disk: Disk,
    /// Issued and not done, oldest first.
    pub(super) writes: VecDeque<WriteOp>,
    /// The last index of each batch given to the state machine, oldest first.
    pub(super) batches: VecDeque<Index>,
    pub(super) fetches: Vec<Fetch>,
    /// A snapshot is being taken.
    pub(super) takes_snapshot: bool,
    /// Snapshots that came in and lie aside.
    pub(super) aside: BTreeMap<(NodeId, TransferId), Snapshot>,
    /// Snapshots that it sends, and to whom.
    pub(super) shipments: Vec<(NodeId, TransferId)>,
    /// It was removed and stopped for good.
    pub(super) stopped: bool,
    /// What the core says of itself.
    pub role: RoleName,
    /// The core's term.
    pub term: Term,
    /// The core's commit index.
    pub commit: Index,
    /// The membership in force, as the core knows it.
    pub membership: Membership,
    /// The log with all writes issued, and what was purged of it.
    pub log: Vec<Entry>,
    /// All of the above in 128 bits.
    pub fingerprint: Fingerprint,
}

/// A read of old entries.
#[derive(Clone, Debug, Hash)]
pub(super) struct Fetch {
    pub(super) id: u64,
    pub(super) epoch: u64,
    pub(super) first: Index,
    pub(super) last: Index,
    /// What the disk held when it was read, once it was.
    pub(super) read: Option<Option<Vec<Entry>>>,
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
        let disk = Disk::new(make);
        let life = make.config.incarnation;
        let mut node = Node {
            raft: disk.start(make, life)?,
            life,
            disk,
            writes: VecDeque::new(),
            batches: VecDeque::new(),
            fetches: Vec::new(),
            takes_snapshot: false,
            aside: BTreeMap::new(),
            shipments: Vec::new(),
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

    /// Whether a snapshot is being taken.
    pub fn takes_snapshot(&self) -> bool {
        self.takes_snapshot
    }

    /// Whether it takes part.
    pub fn is_running(&self) -> bool {
        !self.stopped
    }

    /// The log on the disk, and what was purged of it.
    pub fn disk_log(&self) -> &[Entry] {
        &self.disk.log
    }

    /// The term on the disk, below which it never falls again.
    pub fn durable_term(&self) -> Term {
        self.disk.ballot.term
    }

    /// Whether its disk holds this position.
    pub fn has_durable(&self, position: Position) -> bool {
        self.disk.has(position)
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
        turn::take(self, make, happening, with_account)
    }

    /// Looks at the core once, for everybody.
    pub(super) fn look(&mut self) {
        self.raft.forget_past();
        let status = self.raft.status();
        self.role = status.role;
        self.term = status.ballot.term;
        self.commit = status.commit;
        self.membership = status.membership;
        let inside = (&self.raft, &self.disk, &self.writes, &self.batches, &self.fetches);
        let outside = (self.takes_snapshot, &self.aside, &self.shipments, self.stopped);
        self.fingerprint = fingerprint::of(&(inside, outside));
    }

    pub(super) fn write_oldest(&mut self) {
        let Some(op) = self.writes.pop_front() else { return };
        let installed = match &op {
            WriteOp::Install { from, id, .. } => self.aside.remove(&(*from, *id)),
            WriteOp::Ballot(_) | WriteOp::Append(_) | WriteOp::Purge(_) => None,
        };
        self.disk.write(op, installed);
    }
}
