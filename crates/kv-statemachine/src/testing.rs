//! What unit tests share with the integration tests.

#[path = "../tests/it/support/random.rs"]
pub(crate) mod random;
#[path = "../tests/it/support/rng.rs"]
mod rng;

pub(crate) use rng::Rng;
