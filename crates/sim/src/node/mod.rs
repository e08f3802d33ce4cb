//! One node as the world sees it: disks that outlive processes, and a process
//! that is given turns.
//!
//! ```text
//!            ┌─ Process ──────────────────────────────────┐
//!   frames ─▶│ the driver, on a WatchedLog and            │─▶ frames, answers
//!   requests │ a WatchedMachine ── Sightings ─────────────┼─▶ checks
//!            └──────┬─────────────────────────────────────┘
//!                   ▼
//!                 Disks   (survive, as far as they were synced)
//! ```

mod clock;
mod disks;
mod process;
mod sightings;
mod watched_log;
mod watched_machine;

pub use balsa::driver::Worker;
pub use clock::Clock;
pub use disks::{CLUSTER, Disks, Doom};
pub use process::{AdminAnswer, AdminRequest, Booted, Output, Process, ProcessConfig};
pub use sightings::{Sighting, Sightings};
