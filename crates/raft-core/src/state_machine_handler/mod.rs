//! From the committed log to the state machine, and back to a shorter log.
//!
//! [`apply`] hands out committed entries, [`snapshot`] has snapshots taken and
//! purges the log behind them, [`install`] takes in a snapshot from the leader
//! (Raft paper, section 7).

mod apply;
mod install;
mod snapshot;

pub(crate) use apply::ApplyCursor;
use install::Installation;
pub(crate) use snapshot::Snapshots;
