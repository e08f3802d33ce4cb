//! Load and measures for programs that speak etcd's API.
//!
//! - [`process`]: real node processes, alone and as clusters, that can be paused,
//!   killed and started again;
//! - [`client`]: a connection to one node;
//! - [`load`]: many clients that do one thing, and how long it took them;
//! - [`compare`]: the same load on two programs in turn, side by side in a table.
//!
//! The binary `kvbench` is [`cli`]. The process tests of the node stand on the
//! first two.

pub mod cli;
pub mod client;
pub mod compare;
pub mod load;
pub mod process;
