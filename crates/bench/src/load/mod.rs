//! A load: many clients that do one thing, one call after the other.
//!
//! [`run`] takes a [`Plan`] and gives a [`Measure`]. The clients share few
//! connections, so that what is measured are the nodes and not the making of
//! sockets; they all run as tasks of the caller's runtime. A runtime of one
//! thread is the cheapest, and where the nodes run on the same machine the load
//! costs what they could use.

mod keys;
mod measure;
mod plan;
mod runner;

pub use measure::Measure;
pub use plan::{Limit, Operation, Order, Plan, PlanError};
pub use runner::{LoadError, run};
