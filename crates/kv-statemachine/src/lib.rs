//! A replicated key-value store with etcd's semantics, as a state machine.
//!
//! ```text
//!             Command                      entries             commit
//!   client ── check_* ── codec::encode ──▶ (the log) ──▶ KvStateMachine ──▶ StateStore
//!      ▲                                                     │  │
//!      ├──────────────────────── Reply ◀─────────────────────┘  │ publishes
//!      └───── RangeResponse ◀── KvView ◀────── KvReader ◀───────┘
//! ```
//!
//! **Writes** are [`Command`]s. They are checked ([`check_txn`] and its like),
//! encoded ([`codec`]), replicated by Raft, and applied by [`KvStateMachine`] on
//! every node: a function of the log alone, so that all replicas are equal.
//!
//! **Reads** never pass through the log. A [`KvReader`] gives the state after
//! the latest apply as a [`KvView`], in which data, revision and counts belong
//! together; it answers [`RangeRequest`]s and transactions that only read.
//!
//! **Versions.** Each transaction that writes raises the *revision* by one. Every
//! key can be read as of any revision that was not given up by a compaction. A
//! fresh store is at revision 1.
//!
//! **Alarms** are part of the state: while a member is short of space, all refuse puts.
//!
//! Requests and responses carry etcd's fields and mean what etcd's mean, corner
//! cases included; where they were taken from etcd's behaviour rather than from
//! its documentation, a comment says so.

mod alarm;
mod check;
pub mod codec;
mod command;
mod counts;
mod error;
mod machine;
mod meta;
mod mvcc;
#[cfg(feature = "planted-bugs")]
mod planted;
mod request;
mod response;
#[cfg(test)]
mod testing;
mod txn;
mod view;

pub use alarm::{Alarm, AlarmAction, AlarmKind, AlarmRequest, AlarmSource, Alarms, cost_bytes};
pub use check::{MAX_TXN_DEPTH, check_delete_range, check_put, check_range, check_txn};
pub use command::{Command, MemberAttributes, Operation, Reply, RequestId, Response};
pub use error::{KvError, ReadError};
pub use machine::KvStateMachine;
#[cfg(feature = "planted-bugs")]
pub use planted::Bug;
pub use request::{
    CompactRequest, Compare, CompareOperand, CompareResult, DeleteRangeRequest, KeyRange,
    PutRequest, RangeRequest, RequestOp, SortOrder, SortTarget, TxnRequest,
};
pub use response::{
    CompactResponse, DeleteRangeResponse, HashKv, KeyValue, PutResponse, RangeResponse, ResponseOp,
    StateHash, TxnResponse,
};
pub use view::{KvReader, KvView};

// The test support that unit and integration tests share knows the crate by its name.
#[cfg(test)]
extern crate self as kv_statemachine;
