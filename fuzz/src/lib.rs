//! What is fuzzed: one function a target, which takes bytes and panics if something
//! that must hold does not.
//!
//! | target | bytes are taken for |
//! |---|---|
//! | [`frames::frames`] | a message between nodes |
//! | [`frames::memberships`] | a membership in an entry |
//! | [`log::log`] | what lies on the disk of a log: raw, made up, or sound and damaged |
//! | [`snapshots::snapshots`] | a stream of chunks of a snapshot, and damage to what came of it |
//! | [`commands::commands`] | commands in the log |
//! | [`commands::installations`] | the state in a snapshot |
//! | [`requests::requests`] | a client's request |
//!
//! The tests of the crates run the same functions with the stable toolchain.

pub mod commands;
pub mod frames;
pub mod input;
pub mod log;
pub mod memory;
pub mod requests;
pub mod snapshots;

/// The node's own; the rest of the node is not needed.
#[path = "../../crates/node/src/api/convert/from_wire.rs"]
mod from_wire;
use kv_statemachine::{Alarm, AlarmKind};
