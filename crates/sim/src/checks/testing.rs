//! Made-up histories for the tests of the checks.

use bytes::Bytes;
use raft_core::{
    Ballot, Body, Entry, EntryKind, Index, LogSummary, Membership, Message, NodeId, Position,
    RoleName, SnapshotMeta, Status, Term,
};
use raft_storage::{LogWrite, RecoveredLog};

use super::{Fact, Invariant, Known};

/// Feeds facts to one invariant until it rejects one.
pub struct History<I> {
    pub known: Known,
    pub invariant: I,
}

impl<I: Invariant> History<I> {
    /// Three nodes that have started with empty logs.
    pub fn of(invariant: I) -> History<I> {
        let mut history = History { known: Known::default(), invariant };
        for id in 1..=3 {
            history.accepts(&Fact::Booted { node: NodeId(id), found: &fresh() });
        }
        history
    }

    pub fn accepts(&mut self, fact: &Fact<'_>) {
        if let Err(what) = self.offer(fact) {
            panic!("a good history is rejected: {what}");
        }
    }

    pub fn rejects(&mut self, fact: &Fact<'_>) -> String {
        self.offer(fact).expect_err("a bad history is accepted")
    }

    pub fn synced(&mut self, node: u64, group: &[LogWrite]) {
        self.accepts(&Fact::Synced { node: NodeId(node), group });
    }

    fn offer(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        if self.invariant.looks_at().contains(&fact.sort()) {
            self.invariant.check(&self.known, fact)?;
        }
        self.known.learn(fact)
    }
}

pub fn membership() -> Membership {
    Membership::of_voters([1, 2, 3].map(NodeId))
}

pub fn fresh() -> RecoveredLog {
    let log = LogSummary::new(SnapshotMeta::bootstrap(membership()));
    let committed = log.base().index;
    RecoveredLog { ballot: Ballot::default(), log, committed, cut_off_bytes: 0 }
}

pub fn entry(term: u64, index: u64, payload: &'static str) -> Entry {
    Entry {
        term: Term(term),
        index: Index(index),
        kind: EntryKind::COMMAND,
        format: 0,
        payload: Bytes::from_static(payload.as_bytes()),
    }
}

pub fn vote(term: u64, whom: u64) -> LogWrite {
    LogWrite::Ballot(Ballot { term: Term(term), vote: Some(NodeId(whom)) })
}

pub fn message(from: u64, to: u64, term: u64, body: Body) -> Message {
    Message { from: NodeId(from), to: NodeId(to), term: Term(term), body }
}

pub fn status(node: u64, role: RoleName, term: u64, commit: u64) -> Status {
    Status {
        id: NodeId(node),
        role,
        ballot: Ballot { term: Term(term), vote: None },
        leader: None,
        commit: Index(commit),
        applied: Index(0),
        durable: Index(0),
        base: Position::ZERO,
        last: Position::new(term, commit),
        snapshot: Index(0),
        membership: membership(),
        membership_index: Index(0),
        transferring: None,
        peers: Vec::new(),
    }
}
