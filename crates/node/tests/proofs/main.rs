//! What a cluster of real processes promises about time: how little a read costs the
//! others, how far proposals run ahead, where the microseconds of a write go, how long
//! nobody leads when a leader is stopped, and what a checkpoint costs.
//!
//! Each test prints its figures and has a bound that it fails at:
//!
//! ```text
//! cargo test --release --package balsa-node --test proofs -- --nocapture
//! ```
//!
//! The processes and their load are those of the tests in `tests/process`.

mod checkpoint;
mod delay;
#[path = "../process/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "each of the binaries that share it uses a part")]
mod harness;
#[path = "../driver/support/random.rs"]
mod random;
mod reads;
mod stops;
mod turns;
