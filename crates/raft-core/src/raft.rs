//! The entry point.
use crate::*;

/// One node's protocol state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Raft {}

impl Raft {
    /// Starts a node from what its disks hold.
    pub fn restore(_config: Config, _saved: Saved, _now: Time) -> Result<Raft, RestoreError> {
        unimplemented!()
    }
    /// Takes in one event and appends to `effects` what may be done now.
    pub fn step(&mut self, _now: Time, _event: Event, _effects: &mut Effects) {
        unimplemented!()
    }
    /// When to give [`Event::Wakeup`] next.
    pub fn next_wakeup(&self) -> Time {
        unimplemented!()
    }
    /// A copy of the state that operators and tests ask for.
    pub fn status(&self) -> Status {
        unimplemented!()
    }
}
