//! What is asked about members, and those whom the membership does not tell of.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use raft_core::NodeId;
use raft_net::grpc::{ChangeCall, Inquiry, Options, Roll, ask_change, ask_members, inquire};
use raft_net::{
    ChangeFailure, ChangeFuture, ChangeRefusal, Changed, HandshakeError, MemberChange, MemberDesk,
    MemberStatus, Transport, TransportEvent,
};
use tokio::runtime::Runtime;

use crate::support::{CLUSTER, PATIENCE, TestNode, heartbeat, identity, listen};

/// A desk of a cluster with one member, which removed another one.
#[derive(Default)]
struct TestDesk {
    asked: Mutex<Vec<MemberChange>>,
}

const REMOVED: NodeId = NodeId(2);

fn member() -> MemberStatus {
    MemberStatus {
        id: NodeId(1),
        name: "one".to_owned(),
        peer_urls: vec!["http://a:1".to_owned()],
        client_urls: vec!["http://a:2".to_owned()],
        is_learner: false,
    }
}

impl MemberDesk for TestDesk {
    fn members(&self) -> Vec<MemberStatus> {
        vec![member()]
    }

    fn is_removed(&self, id: NodeId) -> bool {
        id == REMOVED
    }

    fn change(&self, change: MemberChange, timeout: Duration) -> ChangeFuture {
        assert_eq!(timeout, Duration::from_secs(3), "the time that was given");
        self.asked.lock().expect("nobody panics with this lock").push(change.clone());
        Box::pin(async move {
            match change {
                MemberChange::Remove(_) => {
                    Ok(Changed { member: NodeId(1), members: vec![member()] })
                }
                _ => Err(ChangeRefusal::Unhealthy.into()),
            }
        })
    }
}

fn start(test: u8, node: u64) -> TestNode {
    TestNode::start(listen(test, node as u8), identity(node, 100 + node), Options::default())
}

fn call(change: MemberChange) -> ChangeCall {
    ChangeCall { cluster: CLUSTER, change, timeout: Duration::from_secs(3) }
}

#[test]
fn the_desk_answers_what_is_asked_about_members() {
    let runtime = Runtime::new().expect("a runtime can be built");
    let one = start(40, 1);
    let (options, address) = (Options::default(), one.address.into());
    let early = runtime.block_on(ask_members(&options, &address));
    assert!(early.is_err_and(|error| error.to_string().contains("the node is starting")));

    let desk = Arc::new(TestDesk::default());
    one.transport.serve_members(Arc::clone(&desk) as Arc<dyn MemberDesk>);
    let roll = runtime.block_on(ask_members(&options, &address));
    let expected = Roll { cluster: CLUSTER, told_by: NodeId(1), members: vec![member()] };
    assert_eq!(roll, Ok(expected));

    let ask = |call| runtime.block_on(ask_change(&options, std::slice::from_ref(&address), call));
    let remove = MemberChange::Remove(NodeId(9));
    let done = Ok(Changed { member: NodeId(1), members: vec![member()] });
    assert_eq!(ask(call(remove.clone())), done);
    let promote = MemberChange::Promote(NodeId(9));
    assert_eq!(ask(call(promote.clone())), Err(ChangeRefusal::Unhealthy.into()));
    let stranger = ChangeCall { cluster: 0xbad, ..call(remove.clone()) };
    assert_eq!(ask(stranger), Err(ChangeFailure::NotNow), "another cluster's change");
    let asked = desk.asked.lock().expect("nobody panics with this lock").clone();
    assert_eq!(asked, [remove, promote]);

    // Nobody is there: nothing was done, and it may be asked for elsewhere.
    let nobody = [listen(40, 9).local_addr().expect("it was bound").into()];
    let unsent = ask_change(&options, &nobody, call(MemberChange::Promote(NodeId(9))));
    assert_eq!(runtime.block_on(unsent), Err(ChangeFailure::NotNow));
}

#[test]
fn a_removed_member_is_refused_and_told_so() {
    let (one, two) = (start(41, 1), start(41, 2));
    one.transport.serve_members(Arc::new(TestDesk::default()));
    two.knows(&[&one]);
    let refused = two.wait_for("a refusal", |event| match event {
        TransportEvent::Refused { peer, by_peer, error } => Some((peer, by_peer, error)),
        _ => None,
    });
    assert_eq!(refused, (NodeId(1), true, HandshakeError::Removed { member: 2 }));

    let asking = Options::default();
    let addresses = [one.address.into()];
    let asked = inquire(&two.identity, &asking, NodeId(1), &addresses);
    let runtime = Runtime::new().expect("a runtime can be built");
    let told = runtime.block_on(asked).expect("it answers");
    let incarnation = one.identity.incarnation;
    assert_eq!(told, Inquiry { incarnation, storage: None, is_removed: true });
}

/// A node that joins has no membership, hence knows nobody; one that was away for long
/// knows where its peers were. Both answer whoever dials them.
#[test]
fn who_dialled_is_answered_where_it_said_that_it_is() {
    let (one, two) = (start(42, 1), start(42, 2));
    one.transport.set_peers(vec![one.as_peer(), two.as_peer()]);
    one.send(&two, heartbeat(1));
    two.wait_for_message();
    two.send(&one, heartbeat(2));
    one.wait_for_message();
    two.shut_down();
    one.shut_down();

    let (one, two) = (start(43, 1), start(43, 2));
    let elsewhere = listen(43, 9).local_addr().expect("it was bound").into();
    two.transport.set_peers(vec![raft_net::Peer { addresses: vec![elsewhere], ..one.as_peer() }]);
    one.transport.set_peers(vec![one.as_peer(), two.as_peer()]);
    let deadline = std::time::Instant::now() + PATIENCE;
    // What is sent before the lane is open is lost, as a network may lose anything.
    while one.counts_of(&two).frames_received == 0 {
        assert!(std::time::Instant::now() < deadline, "nothing came back");
        one.send(&two, heartbeat(1));
        two.send(&one, heartbeat(2));
        std::thread::yield_now();
    }
}
