//! What unit tests share with the integration tests.

#[path = "../tests/it/support/map_store.rs"]
mod map_store;
#[path = "../tests/it/support/random.rs"]
pub(crate) mod random;
#[path = "../tests/it/support/rng.rs"]
mod rng;

pub(crate) use map_store::MapStore;
pub(crate) use rng::Rng;
