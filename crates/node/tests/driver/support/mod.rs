//! A state machine, disks that outlive processes, and clusters of drivers.

pub mod cluster;
pub mod disks;
pub mod journal;
pub mod random;

use raft_core::{Entry, EntryKind, Index, Term};

/// A command's entry.
pub fn entry(term: u64, index: u64, text: &str) -> Entry {
    let payload = journal::command(text);
    Entry { term: Term(term), index: Index(index), kind: EntryKind::COMMAND, format: 1, payload }
}
