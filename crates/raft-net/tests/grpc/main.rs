//! The gRPC transport between nodes on loopback addresses.

mod damage;
mod handshakes;
mod lanes;
mod limits;
mod members;
mod processes;
mod slow_peer;
mod snapshots;
mod support;
