//! The versions that a node tells.

/// The level of etcd's API that is served. Clients decide by it what they may ask
/// for, so it stays at 3.6 until all that 3.7 added is there.
pub const API_VERSION: &str = "3.6.0";

/// Balsa's own version.
pub const BALSA_VERSION: &str = env!("CARGO_PKG_VERSION");
