//! Whole clusters of real processes on loopback, and what is left of them after
//! the worst: `kill -9` of the leader and of everybody, and nodes that were away.
//!
//! Each test ends by reading every acknowledged write back from each node, and by
//! comparing the nodes' hashes ([`harness`]).
//!
//! The same tests run on etcd, to tell a fault of the tests from one of Balsa (but
//! for [`durability`], which see; and etcd does not end with 0 after SIGTERM):
//!
//! ```text
//! PROCESS_TESTS_ON=/path/to/etcd cargo test --release --package balsa-node --test process
//! ```

mod away;
mod broken_streams;
mod clocks;
mod crashes;
mod disks;
mod durability;
mod economy;
mod etcdctl;
mod failover;
mod garbage;
mod harness;
mod idle;
mod linearizable;
mod members;
mod networks;
mod ordinary;
mod overload;
mod pages;
mod partitions;
#[path = "../driver/support/random.rs"]
mod random;
mod requests;
mod versions;
