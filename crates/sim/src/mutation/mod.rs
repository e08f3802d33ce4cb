//! Failures of other systems, committed on purpose by the real code, to show that
//! the simulator finds them. Not compiled into anything that is delivered.
//!
//! Each crate names the bugs that can be planted in it, and switches them where the
//! protection stands that would be taken away. Here they are put together with the
//! property that is to catch each ([`ALL`]); [`hunt`] looks for the first seed on which
//! it does.
//!
//! While a bug is hunted only its property counts. Another one that fails first, an
//! assertion of the code or a cluster that merely hangs would prove nothing of the
//! property that was made for it.

pub mod bugs;
mod catalogue;
mod hunt;
mod transport_bug;

use std::fmt;

pub use catalogue::{ALL, by_name};
pub use hunt::{Catch, Hunt, Quarry, hunt};
pub use transport_bug::TransportBug;

/// A bug to commit on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// Which one.
    pub bug: Bug,
    /// The property that is to catch it: [`Failure::name`](crate::report::Failure::name).
    pub property: &'static str,
}

/// A bug, by the crate that it is planted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// In the protocol.
    Core(raft_core::Bug),
    /// In the driver.
    Driver(balsa::driver::Bug),
    /// On the disks.
    Storage(raft_storage::Bug),
    /// In the replicated store.
    Store(kv_statemachine::Bug),
    /// Between the nodes.
    Transport(TransportBug),
}

impl Mutation {
    /// Its name on a command line.
    pub fn name(&self) -> &'static str {
        match self.bug {
            Bug::Core(bug) => bug.name(),
            Bug::Driver(bug) => bug.name(),
            Bug::Storage(bug) => bug.name(),
            Bug::Store(bug) => bug.name(),
            Bug::Transport(bug) => bug.name(),
        }
    }

    /// Its row in the table of known failures.
    pub fn row(&self) -> u8 {
        match self.bug {
            Bug::Core(bug) => bug.row(),
            Bug::Driver(bug) => bug.row(),
            Bug::Storage(bug) => bug.row(),
            Bug::Store(bug) => bug.row(),
            Bug::Transport(bug) => bug.row(),
        }
    }

    /// Whether it makes a cluster stand still and does no other harm.
    pub fn is_of_liveness(&self) -> bool {
        self.property == crate::report::LIVENESS
    }

    /// What is planted in the core.
    pub fn in_core(&self) -> Option<raft_core::Bug> {
        match self.bug {
            Bug::Core(bug) => Some(bug),
            _ => None,
        }
    }

    /// What is planted in the driver.
    pub fn in_driver(&self) -> Option<balsa::driver::Bug> {
        match self.bug {
            Bug::Driver(bug) => Some(bug),
            _ => None,
        }
    }

    /// What is planted on the disks.
    pub fn in_storage(&self) -> Option<raft_storage::Bug> {
        match self.bug {
            Bug::Storage(bug) => Some(bug),
            _ => None,
        }
    }

    /// What is planted in the store.
    pub fn in_store(&self) -> Option<kv_statemachine::Bug> {
        match self.bug {
            Bug::Store(bug) => Some(bug),
            _ => None,
        }
    }

    /// What is planted in the transport.
    pub fn in_transport(&self) -> Option<TransportBug> {
        match self.bug {
            Bug::Transport(bug) => Some(bug),
            _ => None,
        }
    }
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
