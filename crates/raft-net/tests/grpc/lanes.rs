//! Order, pipelining, and that no lane waits for another.

use raft_core::NodeId;
use raft_net::grpc::Options;
use raft_net::{Frame, FrameBody, Lane, Transport, TransportEvent};

use crate::slow_peer::SlowPeer;
use crate::support::{TestNode, append, appended, heartbeat, identity, listen, pair, until};

#[test]
fn frames_of_a_lane_arrive_in_order() {
    let (one, two) = pair(1, &Options { queue_frames: 20_000, ..Options::default() });
    for index in 1..=10_000 {
        one.send(&two, append(index, 100));
    }
    for index in 1..=10_000 {
        assert_eq!(appended(&two.wait_for_message()), index);
    }
    let sent = one.counts_of(&two);
    let received = two.counts_of(&one);
    assert_eq!(sent.frames_sent, 10_000);
    assert_eq!(
        (sent.frames_sent, sent.bytes_sent),
        (received.frames_received, received.bytes_received)
    );
    assert_eq!(sent.frames_dropped, 0);
}

/// The receiver has not read a single frame yet; still all of them leave.
#[test]
fn frames_are_pipelined() {
    let one = TestNode::start(listen(2, 1), identity(1, 101), Options::default());
    let two = SlowPeer::start(listen(2, 2), identity(2, 102), Options::default().window_bytes);
    one.transport.set_peers(vec![two.as_peer()]);
    for index in 1..=1000 {
        one.send_to(NodeId(2), append(index, 1000));
    }
    until("all frames left", || one.transport.counts()[&NodeId(2)].frames_sent == 1000);
    two.read_bulk();
    for index in 1..=1000 {
        assert_eq!(two.next_frame().1, index);
    }
}

/// The receiver does not read the bulk lane, and its window is full; a heartbeat
/// passes by.
#[test]
fn heartbeats_do_not_wait_for_appends() {
    let one = TestNode::start(listen(3, 1), identity(1, 101), Options::default());
    let two = SlowPeer::start(listen(3, 2), identity(2, 102), 64 << 10);
    one.transport.set_peers(vec![two.as_peer()]);
    for index in 1..=100 {
        one.send_to(NodeId(2), append(index, 100_000));
    }
    one.send_to(NodeId(2), heartbeat(7));
    assert_eq!(two.next_frame(), (Lane::Urgent, 7));
    let sent = one.transport.counts()[&NodeId(2)].frames_sent;
    assert!(sent < 101, "the bulk lane was never held up");
    two.read_bulk();
    for index in 1..=100 {
        assert_eq!(two.next_frame(), (Lane::Bulk, index));
    }
}

#[test]
fn what_is_queued_leaves_before_an_orderly_shutdown_and_then_the_process_is_gone() {
    let (one, two) = pair(4, &Options::default());
    for index in 1..=2000 {
        one.send(&two, append(index, 1000));
    }
    let (peer, incarnation) = (one.id(), one.identity.incarnation);
    one.shut_down();
    for index in 1..=2000 {
        assert_eq!(appended(&two.wait_for_message()), index);
    }
    assert_eq!(two.wait_until_gone(peer), incarnation);
}

/// A former member must hear that it is one, and is let go afterwards.
#[test]
fn a_former_member_is_sent_to_until_nothing_is_sent_for_a_while() {
    let options = Options { linger: std::time::Duration::from_millis(100), ..Options::default() };
    let one = TestNode::start(listen(5, 1), identity(1, 101), options.clone());
    let two = TestNode::start(listen(5, 2), identity(2, 102), options);
    one.knows(&[&two]);
    two.wait_until_connected_to(&one);
    one.knows(&[]);
    one.send(&two, heartbeat(1));
    assert_eq!(two.wait_for_message(), heartbeat(1));
    until("the former member is let go", || two.counts_of(&one).streams_open == 0);
}

#[test]
fn forwarded_writes_arrive_too() {
    use raft_core::{Incarnation, Position};
    use raft_net::{ForwardId, ForwardOutcome};
    let (one, two) = pair(6, &Options::default());
    let request = ForwardId { node: NodeId(1), incarnation: Incarnation(101), counter: 5 };
    let bodies = [
        FrameBody::Forward { request, format: 1, payload: "put a 1".into() },
        FrameBody::ForwardReply { request, outcome: ForwardOutcome::Accepted(Position::new(2, 9)) },
    ];
    for body in bodies {
        let sent = Frame::new(body);
        one.transport.send(two.id(), sent.clone());
        let (from, came) = two.wait_for("a frame", |event| match event {
            TransportEvent::Frame { from, frame, .. } => Some((from, frame)),
            _ => None,
        });
        assert_eq!((from, came), (one.id(), sent));
    }
}
