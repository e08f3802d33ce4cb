//! An exhaustive check of the core, in the small.
//!
//! Where the simulator draws one long history from a seed, this meets *every* short
//! one: all orders in which messages come, writes are done, batches are applied,
//! deadlines pass and processes die, within bounds. What runs is the real core
//! ([`raft_core::Raft`]); it is a value, so a state of the cluster can be kept,
//! compared, and gone on from in all directions.
//!
//! ```text
//!   opening ─▶ ● ─┬─ n1→n2 comes ──▶ ● ─┬─ …
//!                 ├─ n2's write ───▶ ●  └─ …        breadth first, each state once
//!                 └─ n1 crashes ───▶ ● ──── …
//!                    every step: do all properties hold?
//! ```
//!
//! Time plays no part in the safety of Raft (there are no leases), so it has none
//! here: the core forgets it after each step ([`raft_core::Raft::forget_past`]), any
//! deadline may pass at any time, and a request for votes comes when nobody is loyal
//! to a leader for having heard of it. A message that never comes is a lost one; one
//! that comes later than others was overtaken. Equal messages on their way count once.
//!
//! | module | holds |
//! |---|---|
//! | [`scenarios`], [`scenario`], [`bounds`], [`opening`] | what is explored |
//! | [`model`], [`step`], [`letter`] | states, and the steps between them |
//! | [`node`], [`turn`], [`disk`] | one node, and what happens to it |
//! | [`property`], [`history`] | what must hold |
//! | [`search`], [`fingerprint`], [`interned`] | meeting each state once |
//! | [`cli`] | the table that is printed |
//!
//! Where it stops: each scenario has few events of each kind, as its bounds say, and
//! what takes more is not found. A refusal out of loyalty to a leader is like a lost
//! message, so most scenarios leave it out. Unless a scenario says otherwise, what is of
//! a term that is behind the one on the receiver's disk is taken for lost: answers, for
//! it ignores them, and requests whose sender has a later term on its own disk too.
//! That nothing comes of those is proved by the scenarios that keep them.
//!
//! `sim explore` meets all scenarios whole. Built with `planted-bugs`, `sim explore
//! --bugs` plants the known failures of the core one by one, and `--bug NAME` prints
//! the shortest way to what one of them breaks.

pub mod bounds;
#[cfg(feature = "planted-bugs")]
pub mod bugs;
pub mod cli;
pub mod disk;
pub mod fingerprint;
pub mod history;
pub mod interned;
pub mod letter;
pub mod model;
pub mod node;
pub mod opening;
pub mod property;
pub mod scenario;
pub mod scenarios;
pub mod search;
pub mod step;
pub mod turn;
