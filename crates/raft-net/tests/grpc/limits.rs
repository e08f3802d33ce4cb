//! What is too large, too much, or no peer at all.

use std::io::{Read, Write};
use std::net::TcpStream;

use proto::balsa::raft::v1 as wire;
use proto::balsa::raft::v1::lane_request::Message;
use proto::balsa::raft::v1::peer_client::PeerClient;
use raft_core::NodeId;
use raft_net::grpc::Options;
use raft_net::{PROTOCOL_VERSION, Peer, Transport, TransportEvent};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::support::{
    CLUSTER, PATIENCE, TestNode, append, appended, heartbeat, identity, introduce, listen, pair,
    until,
};

/// A client that says what it likes.
pub struct RawPeer {
    runtime: Runtime,
    address: String,
    says: mpsc::Sender<wire::LaneRequest>,
    unheard: Option<ReceiverStream<wire::LaneRequest>>,
    replies: Option<Streaming<wire::LaneReply>>,
}

pub fn hello(sender: u64, receiver: u64) -> wire::Hello {
    wire::Hello {
        protocol_version: PROTOCOL_VERSION,
        cluster: CLUSTER,
        sender,
        receiver,
        incarnation: 900,
        storage: 0x5000 + sender,
        lane: wire::Lane::Bulk.into(),
        addresses: Vec::new(),
    }
}

impl RawPeer {
    pub fn dial(node: &TestNode) -> RawPeer {
        let (says, unheard) = mpsc::channel(16);
        RawPeer {
            runtime: Runtime::new().expect("a runtime can be built"),
            address: format!("http://{}", node.address),
            says,
            unheard: Some(ReceiverStream::new(unheard)),
            replies: None,
        }
    }

    /// Node 2 greets node 1 and is welcome.
    pub fn greeted(node: &TestNode, lane: wire::Lane) -> RawPeer {
        let mut raw = RawPeer::dial(node);
        raw.say(Message::Hello(wire::Hello { lane: lane.into(), ..hello(2, 1) }));
        let reply = raw.reply().expect("the handshake is answered").expect("with a message");
        assert!(matches!(reply.message, Some(wire::lane_reply::Message::Welcome(_))), "{reply:?}");
        raw
    }

    pub fn say(&mut self, message: Message) {
        let request = wire::LaneRequest { message: Some(message) };
        self.says.try_send(request).expect("the node is listening");
    }

    /// The next reply; `None` at the end.
    pub fn reply(&mut self) -> Result<Option<wire::LaneReply>, Status> {
        let RawPeer { runtime, address, unheard, replies, .. } = self;
        runtime.block_on(async {
            if let Some(unheard) = unheard.take() {
                let mut client =
                    PeerClient::connect(address.clone()).await.expect("the node is there");
                *replies = Some(client.open_lane(unheard).await?.into_inner());
            }
            let reply = replies.as_mut().expect("the lane was opened").message();
            timeout(PATIENCE, reply).await.expect("the node answers or hangs up")
        })
    }
}

fn nothing_came(node: &TestNode) {
    let told = node.events_so_far();
    assert!(!told.iter().any(|event| matches!(event, TransportEvent::Frame { .. })), "{told:?}");
}

#[test]
fn a_frame_above_the_limit_is_not_sent_and_holds_nothing_up() {
    let (one, two) = pair(30, &Options { max_frame_bytes: 10_000, ..Options::default() });
    one.send(&two, append(1, 20_000));
    one.send(&two, append(2, 9_000));
    assert_eq!(appended(&two.wait_for_message()), 2);
    assert_eq!(one.counts_of(&two).frames_too_large, 1);
}

#[test]
fn a_frame_above_the_receivers_limit_is_refused_and_later_ones_arrive() {
    let small = Options { max_frame_bytes: 10_000, ..Options::default() };
    let one = TestNode::start(listen(31, 1), identity(1, 101), Options::default());
    let two = TestNode::start(listen(31, 2), identity(2, 102), small);
    introduce(&one, &two);
    one.send(&two, append(1, 20_000));
    let peer = two.id();
    one.wait_for("a broken stream", |event| {
        (event == TransportEvent::PeerUnreachable(peer)).then_some(())
    });
    one.send(&two, append(2, 100));
    assert_eq!(appended(&two.wait_for_message()), 2);
}

#[test]
fn a_full_queue_drops_frames_and_says_so() {
    let one = TestNode::start(
        listen(32, 1),
        identity(1, 101),
        Options { queue_frames: 3, ..Options::default() },
    );
    // Accepts connections, and never says a word.
    let deaf = listen(32, 2);
    let address = deaf.local_addr().expect("the listener is bound").into();
    one.transport.set_peers(vec![Peer { id: NodeId(2), addresses: vec![address], storage: None }]);
    let two = TestNode::start(listen(32, 3), identity(2, 102), Options::default());
    for index in 1..=5 {
        one.send(&two, append(index, 10));
    }
    one.wait_for("a full queue", |event| {
        (event == TransportEvent::PeerUnreachable(NodeId(2))).then_some(())
    });
    assert_eq!(one.counts_of(&two).frames_dropped, 2);
}

#[test]
fn nothing_is_sent_to_a_peer_that_is_not_known() {
    let one = TestNode::start(listen(33, 1), identity(1, 101), Options::default());
    let two = TestNode::start(listen(33, 2), identity(2, 102), Options::default());
    one.send(&two, heartbeat(1));
    one.transport.probe(two.id());
    assert_eq!(one.counts_of(&two), raft_net::grpc::PeerCounts::default());
}

#[test]
fn garbage_at_the_port_disturbs_nobody() {
    let (one, two) = pair(34, &Options::default());
    let mut noise = Vec::new();
    let mut seed = 0x9e37_79b9_u32;
    for _ in 0..100_000 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise.push((seed >> 24) as u8);
    }
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let after_preface: Vec<u8> = preface.iter().chain(&noise).copied().collect();
    for garbage in [&noise[..], b"GET / HTTP/1.1\r\n\r\n", &after_preface, b""] {
        let mut stream = TcpStream::connect(two.address).expect("the node listens");
        // The node may hang up before it has read all of it.
        let _ = stream.write_all(garbage);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    one.send(&two, heartbeat(1));
    assert_eq!(two.wait_for_message(), heartbeat(1));
    assert_eq!(two.counts_of(&one).streams_open, 4);
}

#[test]
fn a_lane_begins_with_a_greeting() {
    let node = TestNode::start(listen(35, 1), identity(1, 101), Options::default());
    let mut raw = RawPeer::dial(&node);
    raw.say(Message::Frame(wire::Frame::default()));
    assert_eq!(raw.reply().expect_err("refused").code(), Code::InvalidArgument);

    let mut raw = RawPeer::dial(&node);
    raw.say(Message::Hello(hello(0, 1)));
    let refused = raw.reply().expect_err("refused");
    assert_eq!(refused.message(), "a node's id cannot be 0");
}

#[test]
fn silence_instead_of_a_greeting_is_not_waited_for_without_end() {
    let options =
        Options { handshake_timeout: std::time::Duration::from_millis(50), ..Options::default() };
    let node = TestNode::start(listen(36, 1), identity(1, 101), options);
    let mut raw = RawPeer::dial(&node);
    assert_eq!(raw.reply().expect_err("refused").code(), Code::DeadlineExceeded);
}

#[test]
fn an_unsound_frame_ends_the_stream_and_reaches_nobody() {
    let node = TestNode::start(listen(37, 1), identity(1, 101), Options::default());
    let mut raw = RawPeer::greeted(&node, wire::Lane::Bulk);
    raw.say(Message::Frame(wire::Frame { group: 0, body: None }));
    let refused = raw.reply().expect_err("refused");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("the frame's body is missing"), "{refused}");
    until("the stream is closed", || node.transport.counts()[&NodeId(2)].streams_open == 0);
    assert_eq!(node.transport.counts()[&NodeId(2)].streams_refused, 1);
    nothing_came(&node);
}

#[test]
fn a_node_speaks_for_itself_only() {
    let node = TestNode::start(listen(38, 1), identity(1, 101), Options::default());
    let mut raw = RawPeer::greeted(&node, wire::Lane::Urgent);
    let body = Some(wire::raft_message::Body::TimeoutNow(wire::TimeoutNow {}));
    let forged = wire::RaftMessage { from: 3, to: 1, term: 1, body };
    let body = Some(wire::frame::Body::Raft(forged));
    raw.say(Message::Frame(wire::Frame { group: 0, body }));
    let refused = raw.reply().expect_err("refused");
    assert_eq!(refused.message(), "a message from n3 to n1 on the lane from n2 to n1");
    nothing_came(&node);
}
