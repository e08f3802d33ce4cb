//! What all process tests stand on.
//!
//! A [`Town`] is a cluster that a test may break: its folder is its own and is
//! removed with it, its processes are killed with it, and if the test fails the
//! ends of all logs are printed. A [`Load`] writes to it from many clients and
//! remembers what was acknowledged, as a [`Record`]; [`Town::verify`] asks every
//! node for all of that.

mod load;
mod metrics;
pub mod network;
mod programs;
mod record;
mod resources;
mod single;
mod town;
mod verify;
mod way;

use std::time::Duration;

pub use load::Load;
pub use network::Network;
pub use programs::{balsa, etcd_tools, library};
pub use record::Record;
pub use resources::{memory, peak_memory, raise_open_files, yield_to_others};
pub use single::Single;
pub use town::Town;
pub use way::Way;

/// The longest that one step of a test may take: a bound for what hangs, not a
/// measure of what is slow.
pub const LIMIT: Duration = Duration::from_secs(120);

/// How long one call of a client may take: longer than a node's own bound, so
/// that it is the node that says what became of a write.
pub const ONE_CALL: Duration = Duration::from_secs(10);
