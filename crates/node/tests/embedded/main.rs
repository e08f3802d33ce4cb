//! Nodes embedded in a process: real threads, real files, real sockets.

mod cluster;
mod members;
mod single;
mod space;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

/// The longest that anything here may take.
const LIMIT: Duration = Duration::from_secs(30);

/// An address that nobody listens on right now.
fn free_address() -> SocketAddr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let ip = Ipv4Addr::new(127, 77, high, low.max(1));
    let listener = TcpListener::bind((ip, 0)).expect("a loopback address can be bound");
    listener.local_addr().expect("a bound socket has an address")
}

/// Waits until it is true.
async fn until(what: &str, mut is_true: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_true().await {
        assert!(began.elapsed() < LIMIT, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
