//! Real processes of a node program, one at a time and as a cluster.
//!
//! A [`Process`] is started, paused, resumed, stopped and killed; what it prints
//! goes to a file, and it never outlives its owner. A [`Cluster`] is several of
//! them that form one etcd cluster: all programs that take etcd's flags will do,
//! so that a test of Balsa can be tried on etcd first. Nothing here waits without
//! a bound, and an error shows the end of the process's log.

mod address;
mod child;
mod cluster;
mod cpu;
mod error;

pub use address::loopback;
pub use child::{Process, Spec};
pub use cluster::{Cluster, Options};
pub use cpu::cpu_time;
pub use error::ProcessError;
