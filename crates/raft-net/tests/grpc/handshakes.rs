//! Who is not let in, and what both sides are told.

use proto::balsa::raft::v1 as wire;
use raft_core::NodeId;
use raft_net::grpc::{DialError, Inquiry, Options, inquire};
use raft_net::{HandshakeError, Identity, PROTOCOL_VERSION, Peer, Transport, TransportEvent};
use tokio::runtime::Runtime;

use crate::limits::{RawPeer, hello};
use crate::support::{CLUSTER, TestNode, heartbeat, identity, listen, until};

fn refusal(node: &TestNode) -> (NodeId, bool, HandshakeError) {
    node.wait_for("a refusal", |event| match event {
        TransportEvent::Refused { peer, by_peer, error } => Some((peer, by_peer, error)),
        _ => None,
    })
}

fn two_nodes(test: u8, first: Identity, second: Identity) -> (TestNode, TestNode) {
    let one = TestNode::start(listen(test, 1), first, Options::default());
    let two = TestNode::start(listen(test, 2), second, Options::default());
    (one, two)
}

#[test]
fn another_cluster_is_refused_and_both_sides_know_why() {
    let stranger = Identity { cluster: 0xbad, ..identity(2, 102) };
    let (one, two) = two_nodes(20, identity(1, 101), stranger);
    one.knows(&[&two]);
    let seen_by_two = HandshakeError::Cluster { expected: 0xbad, found: CLUSTER };
    assert_eq!(refusal(&two), (NodeId(1), false, seen_by_two));
    let seen_by_one = HandshakeError::Cluster { expected: CLUSTER, found: 0xbad };
    assert_eq!(refusal(&one), (NodeId(2), true, seen_by_one));
    assert!(seen_by_one.to_string().contains("cluster bad, this node to cluster c1"));
    one.send(&two, heartbeat(1));
    assert_eq!(one.counts_of(&two).frames_sent, 0);
}

#[test]
fn who_lives_at_another_members_address_is_refused() {
    let (one, two) = two_nodes(21, identity(1, 101), identity(2, 102));
    one.transport.set_peers(vec![Peer { id: NodeId(3), ..two.as_peer() }]);
    let error = HandshakeError::Receiver { expected: 2, found: 3 };
    assert_eq!(refusal(&two), (NodeId(1), false, error));
    assert_eq!(refusal(&one), (NodeId(3), true, error));
}

#[test]
fn a_member_that_lost_its_data_folder_is_refused_by_those_it_dials() {
    let (one, two) = two_nodes(22, identity(1, 101), identity(2, 102));
    two.transport.set_peers(vec![Peer { storage: Some(0xf01d), ..one.as_peer() }]);
    one.knows(&[&two]);
    let error = HandshakeError::Storage { expected: 0xf01d, found: 0x5001 };
    // Node 2 refuses whether it dials or is dialled.
    assert_eq!(refusal(&two), (NodeId(1), false, error));
    assert_eq!(refusal(&one), (NodeId(2), true, error));
}

#[test]
fn a_member_that_lost_its_data_folder_is_refused_by_those_who_dial_it() {
    let (one, two) = two_nodes(23, identity(1, 101), identity(2, 102));
    one.transport.set_peers(vec![Peer { storage: Some(0xf01d), ..two.as_peer() }]);
    let error = HandshakeError::Storage { expected: 0xf01d, found: 0x5002 };
    assert_eq!(refusal(&one), (NodeId(2), false, error));
    one.transport.set_peers(vec![Peer { storage: Some(0x5002), ..two.as_peer() }]);
    one.wait_until_connected_to(&two);
}

/// The storage id becomes known while the wrong one is connected.
#[test]
fn a_connection_of_another_data_folder_is_cut_when_the_right_one_is_recorded() {
    let (one, two) = two_nodes(24, identity(1, 101), identity(2, 102));
    one.knows(&[&two]);
    until("the lanes are open", || one.counts_of(&two).streams_open == 2);
    one.transport.set_peers(vec![Peer { storage: Some(0xf01d), ..two.as_peer() }]);
    let error = HandshakeError::Storage { expected: 0xf01d, found: 0x5002 };
    assert_eq!(refusal(&one), (NodeId(2), false, error));
    until("the lanes are closed", || one.counts_of(&two).streams_open == 0);
}

#[test]
fn another_protocol_version_is_refused_with_both_versions() {
    let node = TestNode::start(listen(25, 1), identity(1, 101), Options::default());
    let mut raw = RawPeer::dial(&node);
    let newer = wire::Hello { protocol_version: 99, lane: 77, ..hello(2, 1) };
    raw.say(wire::lane_request::Message::Hello(newer));
    let reply = raw.reply().expect("the handshake is answered").expect("with a message");
    let Some(wire::lane_reply::Message::Refusal(refused)) = reply.message else {
        panic!("not refused: {reply:?}");
    };
    assert_eq!(refused.reason(), wire::refusal::Reason::ProtocolVersion);
    assert_eq!((refused.expected, refused.found), (u64::from(PROTOCOL_VERSION), 99));
    let error = HandshakeError::ProtocolVersion { expected: PROTOCOL_VERSION, found: 99 };
    assert_eq!(refusal(&node), (NodeId(2), false, error));
}

#[test]
fn a_member_can_be_asked_whether_another_was_there_before() {
    let (one, two) = two_nodes(26, identity(1, 101), identity(2, 102));
    one.transport.set_peers(vec![Peer { storage: Some(0xf01d), ..two.as_peer() }]);
    let runtime = Runtime::new().expect("a runtime can be built");
    let options = Options::default();
    let ask = |newcomer: Identity, peer| {
        runtime.block_on(inquire(&newcomer, &options, peer, &[one.address.into()]))
    };
    let incarnation = one.identity.incarnation;
    assert_eq!(
        ask(identity(2, 202), NodeId(1)),
        Ok(Inquiry { incarnation, storage: Some(0xf01d), is_removed: false })
    );
    let never_there = Inquiry { incarnation, storage: None, is_removed: false };
    assert_eq!(ask(identity(3, 203), NodeId(1)), Ok(never_there));

    let error = HandshakeError::Receiver { expected: 9, found: 1 };
    let refused = DialError::Refused { by_peer: false, error };
    assert_eq!(ask(identity(3, 203), NodeId(9)), Err(refused));
    let stranger = Identity { cluster: 0xbad, ..identity(3, 203) };
    let refused = ask(stranger, NodeId(1)).expect_err("another cluster").to_string();
    assert!(refused.contains("cluster bad") && refused.contains("cluster c1"), "{refused}");

    let address = one.address;
    one.kill();
    until("the port is free", || std::net::TcpListener::bind(address).is_ok());
    let addresses = [address.into()];
    let nobody = inquire(&two.identity, &options, NodeId(1), &addresses);
    assert_eq!(runtime.block_on(nobody), Err(DialError::NobodyListens));
}
