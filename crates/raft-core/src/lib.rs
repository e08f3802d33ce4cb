//! The Raft protocol as a pure state machine.
//!
//! There is one entry point. A caller owns a [`Raft`], tells it what happened
//! ([`Event`]) and does what it permits ([`Effect`]):
//!
//! ```text
//!            messages, completed writes,            write, send, apply,
//!            proposals, reads, wake-ups             answer, take a snapshot
//!  caller ───────── Event ─────────▶ Raft::step ───────── Effect ────────▶ caller
//! ```
//!
//! The crate has no clock, no I/O, no threads, no randomness and no logging.
//! Time is a value given with each event; equal events in equal order give equal
//! effects, byte for byte, on every machine.
//!
//! **An effect is a permission.** Nothing is emitted before it is safe to do it.
//! A message that asserts something about this node's disk waits inside the
//! core until [`Event::Persisted`] says that the disk has it. The caller keeps
//! two promises: it performs the writes in order, and it reports a write only
//! once it and all before it are on stable storage.

mod commit_handler;
mod config;
mod effect;
mod election;
mod entry;
mod event;
mod invariant;
mod log;
mod membership;
mod message;
mod outbox;
mod past;
mod planted;
mod proposals;
mod raft;
mod raft_role;
mod replication;
mod state_machine_handler;
mod status;
mod timer;
mod types;

pub use config::{Config, InvalidConfig, Limits};
pub use effect::{Effect, Effects, Ignored, Refusal, Reply, RoleName, StopReason, Write, WriteOp};
pub use entry::{Entry, EntryKind};
pub use event::{Event, Proposal};
#[cfg(feature = "planted-bugs")]
pub use invariant::pass_over_invariants;
pub use log::{BrokenLog, LogSummary, RestoreError, Saved, SnapshotMeta};
pub use membership::{
    Change, InvalidChange, Leave, Member, Membership, MembershipDecodeError, Step, quorum,
};
pub use message::{Body, Message, ReadId, Round};
#[cfg(feature = "planted-bugs")]
pub use planted::Bug;
pub use raft::Raft;
pub use status::{PeerState, PeerStatus, Status};
pub use types::{
    Ballot, Incarnation, Index, NodeId, Position, Term, Ticket, Time, TransferId, WriteSeq,
};
