//! What the tests share.

mod metered;
pub mod model;
mod node;
pub mod parse;
pub mod random;
mod rng;

pub use node::{Node, membership};
pub use rng::Rng;
