//! What every adapter must do, as checks that its own tests can call.
//!
//! An adapter's author writes a small fixture, which opens the store and takes
//! the machine down, and calls one function:
//!
//! | trait | fixture | call |
//! |---|---|---|
//! | [`LogStore`](crate::LogStore) | [`LogFixture`] | [`log_store`] |
//! | [`StateStore`](crate::StateStore) | [`StateFixture`] | [`state_store`] |
//! | [`SnapshotStore`](crate::SnapshotStore) | [`SnapshotFixture`] | [`snapshot_store`] |
//! | [`StateMachine`](crate::StateMachine) | [`MachineFixture`] | [`state_machine`] |
//!
//! The checks compare with naive models in random runs and, where the fixture
//! can plan it, let the machine go down at every single operation. They panic
//! with a message that names the seed; the same seed gives the same run.

mod crashes;
mod log;
mod machine;
mod model;
mod snapshots;
mod state;

pub use log::{LogFixture, log_store};
pub use machine::{MachineFixture, state_machine};
pub use snapshots::{SnapshotFixture, snapshot_store};
pub use state::{StateFixture, state_store};
