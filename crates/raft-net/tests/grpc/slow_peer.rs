//! A peer that welcomes everybody and does not read its bulk lane until it is told.

use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use proto::balsa::raft::v1 as wire;
use proto::balsa::raft::v1::peer_server::{self, PeerServer};
use raft_net::{Identity, Lane, PROTOCOL_VERSION, Peer};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use crate::support::PATIENCE;

/// The peer's process.
pub struct SlowPeer {
    peer: Peer,
    reads_bulk: watch::Sender<bool>,
    frames: Receiver<(Lane, u64)>,
    // Dropped last, with all connections.
    _runtime: Runtime,
}

impl SlowPeer {
    pub fn start(listener: TcpListener, identity: Identity, window_bytes: u32) -> SlowPeer {
        let runtime = Runtime::new().expect("a runtime can be built");
        let address = listener.local_addr().expect("the listener is bound");
        let (reads_bulk, gate) = watch::channel(false);
        let (told, frames) = channel();
        let service = Service { identity, gate, told: Mutex::new(told) };
        let entered = runtime.enter();
        listener.set_nonblocking(true).expect("a socket can be set so");
        let listener = tokio::net::TcpListener::from_std(listener).expect("the listener is good");
        let server = Server::builder()
            .initial_stream_window_size(window_bytes)
            .initial_connection_window_size(window_bytes)
            .add_service(PeerServer::new(service))
            .serve_with_incoming(TcpIncoming::from(listener));
        runtime.spawn(server);
        let peer = Peer { id: identity.node, addresses: vec![address.into()], storage: None };
        drop(entered);
        SlowPeer { peer, reads_bulk, frames, _runtime: runtime }
    }

    pub fn as_peer(&self) -> Peer {
        self.peer.clone()
    }

    pub fn read_bulk(&self) {
        self.reads_bulk.send_replace(true);
    }

    /// The lane of the next frame, and its heartbeat's round or its append's index.
    pub fn next_frame(&self) -> (Lane, u64) {
        self.frames.recv_timeout(PATIENCE).expect("a frame comes")
    }
}

struct Service {
    identity: Identity,
    gate: watch::Receiver<bool>,
    told: Mutex<Sender<(Lane, u64)>>,
}

#[tonic::async_trait]
impl peer_server::Peer for Service {
    type OpenLaneStream = ReceiverStream<Result<wire::LaneReply, Status>>;

    async fn open_lane(
        &self,
        request: Request<Streaming<wire::LaneRequest>>,
    ) -> Result<Response<Self::OpenLaneStream>, Status> {
        let mut requests = request.into_inner();
        let lane = match requests.message().await?.and_then(|first| first.message) {
            Some(wire::lane_request::Message::Hello(hello)) => match hello.lane() {
                wire::Lane::Urgent => Lane::Urgent,
                wire::Lane::Bulk => Lane::Bulk,
                other => panic!("lane {other:?} was not asked for"),
            },
            other => panic!("no greeting: {other:?}"),
        };
        let (replies, stream) = tokio::sync::mpsc::channel(1);
        let welcome = wire::Welcome {
            protocol_version: PROTOCOL_VERSION,
            cluster: self.identity.cluster,
            sender: self.identity.node.0,
            incarnation: self.identity.incarnation.0,
            storage: self.identity.storage,
        };
        let message = Some(wire::lane_reply::Message::Welcome(welcome));
        replies.try_send(Ok(wire::LaneReply { message })).expect("the channel has room");
        let mut gate = self.gate.clone();
        let told = self.told.lock().expect("nobody panics with this lock").clone();
        tokio::spawn(async move {
            if lane == Lane::Bulk && gate.wait_for(|open| *open).await.is_err() {
                return;
            }
            while let Ok(Some(request)) = requests.message().await {
                // The test may have ended.
                let _ = told.send((lane, number(request)));
            }
            drop(replies);
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn inquire(
        &self,
        _request: Request<wire::InquireRequest>,
    ) -> Result<Response<wire::InquireReply>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn members(
        &self,
        _request: Request<wire::MembersRequest>,
    ) -> Result<Response<wire::MembersReply>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn change_members(
        &self,
        _request: Request<wire::ChangeMembersRequest>,
    ) -> Result<Response<wire::ChangeMembersReply>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }
}

fn number(request: wire::LaneRequest) -> u64 {
    use wire::raft_message::Body;
    let Some(wire::lane_request::Message::Frame(frame)) = request.message else {
        panic!("no frame");
    };
    let Some(wire::frame::Body::Raft(message)) = frame.body else { panic!("no message") };
    match message.body {
        Some(Body::Heartbeat(heartbeat)) => heartbeat.round,
        Some(Body::Append(append)) => append.entries[0].index,
        other => panic!("not expected: {other:?}"),
    }
}
