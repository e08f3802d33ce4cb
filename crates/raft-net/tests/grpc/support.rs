//! Nodes that can be killed, lines that can be cut, and waiting for what happens.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use raft_core::{
    Body, Entry, EntryKind, Incarnation, Index, Message, NodeId, Position, Round, Term,
};
use raft_net::grpc::{GrpcTransport, Options, PeerCounts};
use raft_net::{Frame, FrameBody, Identity, Peer, Transport, TransportEvent};
use tokio::runtime::{Builder, Runtime};

/// Longer than anything takes; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The cluster of all nodes that are not meant to be strangers.
pub const CLUSTER: u64 = 0xc1;

/// A node with nothing but a transport, on a runtime of its own: killing that
/// closes all its sockets in the middle of whatever they do, as kill -9 does.
pub struct TestNode {
    pub identity: Identity,
    pub address: SocketAddr,
    pub transport: GrpcTransport,
    runtime: Runtime,
    events: Receiver<TransportEvent>,
}

pub fn identity(node: u64, incarnation: u64) -> Identity {
    Identity {
        cluster: CLUSTER,
        node: NodeId(node),
        incarnation: Incarnation(incarnation),
        storage: 0x5000 + node,
    }
}

/// A socket on a loopback address that no other test uses.
pub fn listen(test: u8, node: u8) -> TcpListener {
    TcpListener::bind((std::net::Ipv4Addr::new(127, 83, test, node), 0))
        .expect("a loopback address can be bound")
}

impl TestNode {
    pub fn start(listener: TcpListener, identity: Identity, options: Options) -> TestNode {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let (told, events) = channel();
        let sink = Box::new(move |event| {
            // The test may have ended and dropped the receiver.
            let _ = told.send(event);
        });
        let transport = GrpcTransport::start(runtime.handle(), listener, identity, options, sink)
            .expect("the transport starts");
        let address = transport.address();
        TestNode { identity, address, transport, runtime, events }
    }

    pub fn id(&self) -> NodeId {
        self.identity.node
    }

    /// This node as others know it.
    pub fn as_peer(&self) -> Peer {
        Peer { id: self.id(), addresses: vec![self.address.into()], storage: None }
    }

    pub fn knows(&self, peers: &[&TestNode]) {
        self.transport.set_peers(peers.iter().map(|peer| peer.as_peer()).collect());
    }

    pub fn send(&self, to: &TestNode, body: Body) {
        self.send_to(to.id(), body);
    }

    pub fn send_to(&self, to: NodeId, body: Body) {
        let message = Message { from: self.id(), to, term: Term(1), body };
        self.transport.send(to, Frame::new(FrameBody::Raft(message)));
    }

    /// The next event for which `pick` gives something, passing over others.
    pub fn wait_for<T>(&self, what: &str, pick: impl Fn(TransportEvent) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) => {
                    if let Some(found) = pick(event) {
                        return found;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{} waited in vain for {what}", self.id())
                }
            }
        }
    }

    /// The next message, passing over other events.
    pub fn wait_for_message(&self) -> Body {
        self.wait_for("a message", |event| match event {
            TransportEvent::Frame {
                frame: Frame { body: FrameBody::Raft(message), .. }, ..
            } => Some(message.body),
            _ => None,
        })
    }

    pub fn wait_until_connected_to(&self, peer: &TestNode) {
        let expected = TransportEvent::PeerConnected {
            peer: peer.id(),
            incarnation: peer.identity.incarnation,
            storage: peer.identity.storage,
        };
        self.wait_for("a connection", |event| (event == expected).then_some(()));
    }

    pub fn wait_until_gone(&self, peer: NodeId) -> Incarnation {
        self.wait_for("the end of a process", |event| match event {
            TransportEvent::PeerGone { peer: gone, incarnation } if gone == peer => {
                Some(incarnation)
            }
            _ => None,
        })
    }

    /// All events that have come by now.
    pub fn events_so_far(&self) -> Vec<TransportEvent> {
        self.events.try_iter().collect()
    }

    pub fn counts_of(&self, peer: &TestNode) -> PeerCounts {
        self.transport.counts().get(&peer.id()).copied().unwrap_or_default()
    }

    pub fn kill(self) {
        self.runtime.shutdown_background();
    }

    pub fn shut_down(self) {
        self.runtime.block_on(self.transport.shutdown());
    }
}

/// Two nodes that know one another and are connected.
pub fn pair(test: u8, options: &Options) -> (TestNode, TestNode) {
    let one = TestNode::start(listen(test, 1), identity(1, 101), options.clone());
    let two = TestNode::start(listen(test, 2), identity(2, 102), options.clone());
    introduce(&one, &two);
    (one, two)
}

/// Waits until all four streams that are not dialled on demand are open.
pub fn introduce(one: &TestNode, two: &TestNode) {
    one.knows(&[two]);
    two.knows(&[one]);
    until("all lanes are open", || {
        one.counts_of(two).streams_open == 4 && two.counts_of(one).streams_open == 4
    });
}

/// Polls a condition that nothing tells of.
pub fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

pub fn heartbeat(round: u64) -> Body {
    Body::Heartbeat { round: Round(round), commit: Index(0) }
}

/// An append of one entry, at this index.
pub fn append(index: u64, payload_bytes: usize) -> Body {
    let entry = Entry {
        term: Term(1),
        index: Index(index),
        kind: EntryKind::COMMAND,
        format: 1,
        payload: Bytes::from(vec![0x61; payload_bytes]),
    };
    Body::Append { prev: Position::new(1, index - 1), entries: vec![entry], commit: Index(0) }
}

/// The index of an append made by [`append`].
pub fn appended(body: &Body) -> u64 {
    match body {
        Body::Append { prev, .. } => prev.index.0 + 1,
        other => panic!("not an append: {other}"),
    }
}
