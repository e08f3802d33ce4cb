//! Servers that take connections and say nothing.

use std::net::TcpListener;
use std::time::Duration;

use super::node::{Node, address};
use super::{endpoint, run};

/// Timeouts far above what a command may take that does not wait for a silent server.
const PATIENT: &str = "--dial-timeout 30s --command-timeout 60s";
/// What such a command takes at most, on a machine with much else to do.
const SOON: Duration = Duration::from_secs(15);

/// An address where the system takes connections, and nobody else ever looks at them.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind((address(), 2379)).expect("the address is this test's");
    let endpoint = listener.local_addr().expect("it is bound").to_string();
    (listener, endpoint)
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let (_listener, silent) = silent();
    let host = address();
    let mut node = Node::start(&host);
    let endpoints = [silent, endpoint(&host)];

    let put = run(&endpoints, &format!("put colour green {PATIENT}"));
    assert_eq!((put.code, put.stdout.as_str()), (Some(0), "OK\n"), "{}", put.stderr);
    assert!(put.took < SOON, "{:?}", put.took);
    let get = run(&endpoints, &format!("get colour --print-value-only {PATIENT}"));
    assert_eq!((get.code, get.stdout.as_str()), (Some(0), "green\n"), "{}", get.stderr);
    assert!(get.took < SOON, "{:?}", get.took);
    node.check();
}

#[test]
fn a_node_that_is_halted_is_not_waited_for() {
    let [halted_host, host] = [address(), address()];
    let halted = Node::start(&halted_host);
    let mut node = Node::start(&host);
    halted.process.pause().expect("it can be halted");
    let endpoints = [endpoint(&halted_host), endpoint(&host)];

    let put = run(&endpoints, &format!("put colour green {PATIENT}"));
    assert_eq!((put.code, put.stdout.as_str()), (Some(0), "OK\n"), "{}", put.stderr);
    assert!(put.took < SOON, "{:?}", put.took);
    node.check();
}

#[test]
fn a_server_that_starts_late_is_found_beside_a_silent_one() {
    let (_listener, silent) = silent();
    let host = address();
    let endpoints = [silent, endpoint(&host)];
    let waiting = std::thread::spawn(move || run(&endpoints, &format!("get a {PATIENT}")));
    let mut node = Node::start(&host);
    let get = waiting.join().expect("nothing panics there");
    assert_eq!(get.code, Some(0), "{}", get.stderr);
    assert!(get.took < SOON, "{:?}", get.took);
    node.check();
}

#[test]
fn the_time_for_the_command_bounds_everything() {
    let (_listener, silent) = silent();
    let endpoints = [silent.clone()];
    for line in ["get a", "put a b", "endpoint health", "endpoint status", "member list"] {
        let ended = run(&endpoints, &format!("{line} --dial-timeout 60s --command-timeout 500ms"));
        assert_eq!(ended.code, Some(1), "{line}: {}", ended.stderr);
        assert!(ended.took < SOON, "{line}: {:?}", ended.took);
    }
    let get = run(&endpoints, "get a --dial-timeout 100ms --command-timeout 500ms");
    assert!(get.stderr.starts_with("Error: context deadline exceeded\n"), "{}", get.stderr);
    let advice = format!("no connection to {silent} (it does not answer within the dial timeout)");
    assert!(get.stderr.contains(&advice), "{}", get.stderr);
}

#[test]
fn silent_servers_are_asked_for_their_status_at_once() {
    let listeners: Vec<_> = (0..20).map(|_| silent()).collect();
    let endpoints: Vec<String> = listeners.iter().map(|(_, endpoint)| endpoint.clone()).collect();
    let status = run(&endpoints, "endpoint status --command-timeout 2s");
    assert_eq!(status.code, Some(1), "{}", status.stderr);
    assert_eq!(status.stderr.matches("Failed to get the status of endpoint ").count(), 20);
    // One after the other, they would take 40 s.
    assert!(status.took < SOON, "{:?}", status.took);
}
