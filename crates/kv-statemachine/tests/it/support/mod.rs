//! What the tests share.

mod cluster;
pub mod map_store;
pub mod model;
pub mod parse;
pub mod random;
pub mod rng;

pub use cluster::{Node, membership};
pub use rng::Rng;
