//! A member that speaks another version of what nodes say to each other.

use std::fs;
use std::net::SocketAddr;

use proto::balsa::raft::v1 as wire;
use proto::balsa::raft::v1::lane_reply::Message as Reply;
use proto::balsa::raft::v1::lane_request::Message as Ask;
use proto::balsa::raft::v1::peer_client::PeerClient;
use proto::balsa::raft::v1::peer_server::{Peer, PeerServer};
use raft_net::PROTOCOL_VERSION;
use tokio::sync::watch;
use tonic::codegen::tokio_stream::{Iter, iter};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use super::harness::{LIMIT, Load, Town};

/// The version of the member in the way.
const OTHER: u32 = 99;

/// How often it refuses until it is believed that the others do not give up.
const REFUSALS: usize = 6;

/// Both sides refuse one another and say why, once; the majority goes on, and the member
/// is one again when it speaks as the others do.
#[tokio::test(flavor = "multi_thread")]
async fn another_protocol_version_is_refused_by_both_sides() {
    let mut town = Town::start(3, &[]).await;
    let leader = town.wait_leader().await;
    let [upgraded, other] = town.others(leader)[..] else { panic!("three nodes have two others") };
    let endpoints = [leader, other].map(|node| town.endpoints()[node].clone());
    let load = Load::start("versions", &endpoints, 4);
    load.wait_for(500).await;
    let (term, cluster) = (town.term().await, town.cluster_id(leader).await);
    let (own, leads) = (town.id(upgraded).await, town.id(leader).await);
    town.kill_node(upgraded);

    let address = town.peer_url(upgraded);
    let address = address.strip_prefix("http://").expect("it is a URL");
    let address: SocketAddr = address.parse().expect("it is an address");
    let (refusals, mut refused) = watch::channel(0);
    let service = PeerServer::new(Upgraded { refusals });
    let upgrade = tokio::spawn(Server::builder().add_service(service).serve(address));
    let hello = wire::Hello {
        protocol_version: OTHER,
        cluster,
        sender: own,
        receiver: leads,
        incarnation: 1,
        storage: 1,
        lane: wire::Lane::Urgent.into(),
        addresses: Vec::new(),
    };
    for _ in 0..REFUSALS {
        let refusal = greet(&town.peer_url(leader), hello.clone()).await;
        assert_eq!(refusal.reason(), wire::refusal::Reason::ProtocolVersion);
        assert_eq!(
            (refusal.expected, refusal.found),
            (u64::from(PROTOCOL_VERSION), u64::from(OTHER))
        );
    }
    let enough = tokio::time::timeout(LIMIT, refused.wait_for(|refused| *refused >= REFUSALS));
    enough.await.expect("the others dial again").expect("it runs");
    let why = format!("the peer speaks protocol version {OTHER}, this node {PROTOCOL_VERSION}");
    for (node, by_peer, times) in [(leader, true, 1), (leader, false, 1), (other, true, 1)] {
        let log = fs::read_to_string(town.folder().join(format!("n{}.log", node + 1)));
        let log = log.expect("the node writes a log");
        let told = log.lines().filter(|line| {
            line.contains("handshake refused")
                && line.contains(&why)
                && line.contains(&format!("\"by_peer\":{by_peer}"))
        });
        assert_eq!(told.count(), times, "node {node}, by the peer: {by_peer}\n{log}");
    }

    upgrade.abort();
    load.wait_for_more(500).await;
    assert_eq!(town.term().await, term, "there was an election");
    town.start_node(upgraded).await;
    assert_eq!(load.failed(), 0, "all writes are done");
    let record = load.stop().await;
    town.verify(&record).await;
}

/// What a node answers to a greeting that it refuses.
async fn greet(url: &str, hello: wire::Hello) -> wire::Refusal {
    let mut peer = PeerClient::connect(url.to_owned()).await.expect("the port is served");
    let greeting = wire::LaneRequest { message: Some(Ask::Hello(hello)) };
    let replies = peer.open_lane(iter([greeting])).await.expect("greetings are answered");
    let first = replies.into_inner().message().await.expect("the answer is sound");
    match first.and_then(|reply| reply.message) {
        Some(Reply::Refusal(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// A member of another version: it refuses everybody.
struct Upgraded {
    refusals: watch::Sender<usize>,
}

fn no_version() -> Status {
    Status::failed_precondition("another protocol version")
}

#[tonic::async_trait]
impl Peer for Upgraded {
    type OpenLaneStream = Iter<std::array::IntoIter<Result<wire::LaneReply, Status>, 1>>;

    async fn open_lane(
        &self,
        _: Request<Streaming<wire::LaneRequest>>,
    ) -> Result<Response<Self::OpenLaneStream>, Status> {
        self.refusals.send_modify(|refusals| *refusals += 1);
        let refusal = wire::Refusal {
            reason: wire::refusal::Reason::ProtocolVersion.into(),
            expected: OTHER.into(),
            found: PROTOCOL_VERSION.into(),
        };
        let reply = wire::LaneReply { message: Some(Reply::Refusal(refusal)) };
        Ok(Response::new(iter([Ok(reply)])))
    }

    async fn inquire(
        &self,
        _: Request<wire::InquireRequest>,
    ) -> Result<Response<wire::InquireReply>, Status> {
        Err(no_version())
    }

    async fn members(
        &self,
        _: Request<wire::MembersRequest>,
    ) -> Result<Response<wire::MembersReply>, Status> {
        Err(no_version())
    }

    async fn change_members(
        &self,
        _: Request<wire::ChangeMembersRequest>,
    ) -> Result<Response<wire::ChangeMembersReply>, Status> {
        Err(no_version())
    }
}
