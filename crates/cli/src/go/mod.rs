//! Values as Go's standard library reads and writes them.
//!
//! etcdctl is a Go program: its numbers, durations and quoted strings follow that
//! language's rules, and scripts have come to depend on them.

pub mod duration;
pub mod number;
pub mod quote;
pub mod size;
