//! The versions that a node tells.

/// The level of etcd's API that is served. Clients decide by it what they may ask
/// for, so it stays at 3.6 until all that 3.7 added is there.
pub const API_VERSION: &str = "3.6.0";

/// The same without its patch, as metrics tell it.
pub const CLUSTER_VERSION: &str = "3.6";

/// Balsa's own version.
pub const BALSA_VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_is_at_the_level_of_its_members() {
        assert_eq!(API_VERSION.rsplit_once('.').map(|(level, _)| level), Some(CLUSTER_VERSION));
    }
}
