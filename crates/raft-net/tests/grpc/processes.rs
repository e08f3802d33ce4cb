//! Processes that die, come back, and only seem to be gone.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use raft_core::Incarnation;
use raft_net::grpc::Options;
use raft_net::{Peer, Transport, TransportEvent};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::support::{TestNode, append, appended, heartbeat, identity, listen, pair, until};

/// Told soon, told once, and after everything that the process sent.
#[test]
fn a_killed_process_is_gone_after_its_last_message() {
    let (one, two) = pair(10, &Options::default());
    for index in 1..=500 {
        two.send(&one, append(index, 1000));
    }
    until("the frames left", || two.counts_of(&one).frames_sent == 500);
    let (peer, incarnation) = (two.id(), two.identity.incarnation);
    let killed = Instant::now();
    two.kill();

    let mut last = 0;
    loop {
        let event = one.wait_for("an event", Some);
        match event {
            TransportEvent::Frame { .. } => last += 1,
            TransportEvent::PeerGone { peer: gone, incarnation: life } => {
                assert_eq!((gone, life), (peer, incarnation));
                break;
            }
            _ => {}
        }
    }
    println!("gone after {:?} and {last} messages", killed.elapsed());
    let counts = one.transport.counts()[&peer];
    assert_eq!((counts.lives_gone, counts.streams_open), (1, 0));
    let later = one.events_so_far();
    assert!(!later.iter().any(|event| matches!(event, TransportEvent::Frame { .. })), "{later:?}");
}

#[test]
fn a_restarted_process_is_reached_again_and_its_earlier_life_is_gone() {
    let (one, two) = pair(11, &Options::default());
    one.send(&two, append(1, 10));
    assert_eq!(appended(&two.wait_for_message()), 1);
    let address = two.address;
    two.kill();
    until("the port is free", || std::net::TcpListener::bind(address).is_ok());
    let listener = std::net::TcpListener::bind(address).expect("the port is free");
    let two = TestNode::start(listener, identity(2, 202), Options::default());
    two.knows(&[&one]);
    assert_eq!(one.wait_until_gone(two.id()), Incarnation(102));
    until("the lanes are open again", || one.counts_of(&two).streams_open == 4);
    one.send(&two, heartbeat(9));
    one.send(&two, append(2, 10));
    let mut came = [two.wait_for_message(), two.wait_for_message()];
    came.sort();
    assert_eq!(came, [append(2, 10), heartbeat(9)]);
}

#[test]
fn a_broken_stream_makes_a_peer_unreachable() {
    let (one, two) = pair(12, &Options::default());
    let peer = two.id();
    two.kill();
    one.wait_for("a broken stream", |event| {
        (event == TransportEvent::PeerUnreachable(peer)).then_some(())
    });
}

/// A line between two nodes that can be cut while both ends live.
struct Line {
    address: SocketAddr,
    runtime: Runtime,
    state: Arc<Mutex<LineState>>,
}

struct LineState {
    target: SocketAddr,
    /// Whether an end that hangs up is told to the other one.
    tells_ends: bool,
    open: Vec<tokio::task::AbortHandle>,
}

impl Line {
    fn to(target: SocketAddr, listener: std::net::TcpListener) -> Line {
        let runtime = Runtime::new().expect("a runtime can be built");
        let address = listener.local_addr().expect("the listener is bound");
        listener.set_nonblocking(true).expect("a socket can be set so");
        let state = Arc::new(Mutex::new(LineState { target, tells_ends: true, open: Vec::new() }));
        let shared = Arc::clone(&state);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("the listener is good");
            while let Ok((near, _)) = listener.accept().await {
                let (target, tells_ends) = {
                    let state = shared.lock().expect("nobody panics with this lock");
                    (state.target, state.tells_ends)
                };
                let task = tokio::spawn(carry(near, target, tells_ends));
                shared.lock().expect("nobody panics with this lock").open.push(task.abort_handle());
            }
        });
        Line { address, runtime, state }
    }

    fn set(&self, change: impl FnOnce(&mut LineState)) {
        change(&mut self.state.lock().expect("nobody panics with this lock"));
    }

    /// Breaks all connections; new ones may be made at once.
    fn cut(&self) {
        self.set(|state| state.open.drain(..).for_each(|task| task.abort()));
    }

    fn leads_to(&self, node: &TestNode) -> Peer {
        Peer { addresses: vec![self.address.into()], ..node.as_peer() }
    }
}

async fn carry(mut near: TcpStream, target: SocketAddr, tells_ends: bool) -> io::Result<()> {
    let mut far = TcpStream::connect(target).await?;
    if tells_ends {
        tokio::io::copy_bidirectional(&mut near, &mut far).await?;
        return Ok(());
    }
    let (mut near_read, mut near_write) = near.split();
    let (mut far_read, mut far_write) = far.split();
    let there = tokio::io::copy(&mut near_read, &mut far_write);
    let back = async {
        let copied = tokio::io::copy(&mut far_read, &mut near_write).await;
        std::future::pending::<()>().await;
        copied
    };
    let there = async {
        let copied = there.await;
        std::future::pending::<()>().await;
        copied
    };
    tokio::try_join!(there, back).map(|_| ())
}

/// Both processes live: a redial reaches the same life, so nobody is gone.
#[test]
fn a_cut_line_makes_nobody_gone() {
    let one = TestNode::start(listen(13, 1), identity(1, 101), Options::default());
    let two = TestNode::start(listen(13, 2), identity(2, 102), Options::default());
    let line = Line::to(two.address, listen(13, 3));
    one.transport.set_peers(vec![line.leads_to(&two)]);
    until("the lanes are open", || one.counts_of(&two).streams_open == 2);
    for round in 1..=20 {
        line.cut();
        let peer = two.id();
        one.wait_for("a broken stream", |event| {
            assert!(!matches!(event, TransportEvent::PeerGone { .. }), "{event:?}");
            (event == TransportEvent::PeerUnreachable(peer)).then_some(())
        });
        until("the lanes are open again", || {
            one.counts_of(&two).lanes_opened == 2 + 2 * round
                && one.counts_of(&two).streams_open == 2
        });
    }
    one.send(&two, heartbeat(3));
    assert_eq!(two.wait_for_message(), heartbeat(3));
    let told = one.events_so_far();
    assert!(!told.iter().any(|event| matches!(event, TransportEvent::PeerGone { .. })), "{told:?}");
    line.runtime.shutdown_background();
}

/// The process was replaced, and the connections to the old one look open still,
/// as they do when a whole machine went down and came back. A probe finds out.
#[test]
fn a_probe_finds_that_a_process_was_replaced_behind_an_open_connection() {
    let one = TestNode::start(listen(14, 1), identity(1, 101), Options::default());
    let two = TestNode::start(listen(14, 2), identity(2, 102), Options::default());
    let line = Line::to(two.address, listen(14, 3));
    line.set(|state| state.tells_ends = false);
    one.transport.set_peers(vec![line.leads_to(&two)]);
    until("the lanes are open", || one.counts_of(&two).streams_open == 2);
    two.kill();
    let two = TestNode::start(listen(14, 4), identity(2, 202), Options::default());
    line.set(|state| state.target = two.address);
    assert_eq!(one.counts_of(&two).streams_open, 2, "the lanes still look open");

    one.transport.probe(two.id());
    assert_eq!(one.wait_until_gone(two.id()), Incarnation(102));
    until("the lanes lead to the new process", || one.counts_of(&two).streams_open == 2);
    one.send(&two, heartbeat(4));
    assert_eq!(two.wait_for_message(), heartbeat(4));
    line.runtime.shutdown_background();
}

#[test]
fn a_probe_of_a_process_that_is_well_changes_nothing() {
    let (one, two) = pair(15, &Options::default());
    one.events_so_far();
    for _ in 0..10 {
        one.transport.probe(two.id());
    }
    one.send(&two, heartbeat(1));
    assert_eq!(two.wait_for_message(), heartbeat(1));
    two.send(&one, heartbeat(2));
    assert_eq!(one.wait_for_message(), heartbeat(2));
    assert_eq!(one.counts_of(&two).streams_open, 4);
    assert_eq!(one.counts_of(&two).lives_gone, 0);
}

#[test]
fn all_that_remain_notice_the_end_of_one() {
    let mut nodes: Vec<_> = (1..=4u8)
        .map(|node| {
            let identity = identity(node.into(), 100 + u64::from(node));
            TestNode::start(listen(16, node), identity, Options::default())
        })
        .collect();
    let all: Vec<&TestNode> = nodes.iter().collect();
    for node in &all {
        node.knows(&all);
    }
    let connected = |one: &TestNode, two: &TestNode| one.counts_of(two).streams_open == 4;
    until("all are connected", || {
        all.iter().all(|one| all.iter().all(|two| one.id() == two.id() || connected(one, two)))
    });
    let last = nodes.pop().expect("there are four");
    let (peer, incarnation) = (last.id(), last.identity.incarnation);
    last.kill();
    for node in &nodes {
        assert_eq!(node.wait_until_gone(peer), incarnation);
    }
}
