//! The listening side: greets who dials, and hands on what comes in.

use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use proto::balsa::raft::v1 as wire;
use proto::balsa::raft::v1::peer_server;
use raft_core::NodeId;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Code, Request, Response, Status, Streaming};

use super::meters::PeerMeters;
use super::shared::{OpenStream, Shared};
use crate::codec::{self, DecodeError};
use crate::frame::{Frame, FrameBody, Lane};
use crate::handshake::{HandshakeError, Hello, Identity, PROTOCOL_VERSION};
use crate::members::MemberDesk;
use crate::transport::TransportEvent;

/// The longest that a change of members may take, whatever the asking side says.
const LONGEST_CHANGE: Duration = Duration::from_secs(600);

/// The service on the peer port.
pub struct PeerService {
    /// What all tasks of the transport share.
    pub shared: Arc<Shared>,
    /// Ends all streams.
    pub stop: CancellationToken,
    /// The transport's tasks.
    pub tasks: TaskTracker,
}

type Replies = mpsc::Sender<Result<wire::LaneReply, Status>>;

#[tonic::async_trait]
impl peer_server::Peer for PeerService {
    type OpenLaneStream = ReceiverStream<Result<wire::LaneReply, Status>>;

    async fn open_lane(
        &self,
        request: Request<Streaming<wire::LaneRequest>>,
    ) -> Result<Response<Self::OpenLaneStream>, Status> {
        let mut requests = request.into_inner();
        let first = timeout(self.shared.options.handshake_timeout, requests.message())
            .await
            .map_err(|_| Status::deadline_exceeded("no greeting came"))?
            .inspect_err(|status| self.count_damage(status))?;
        let hello = match first.and_then(|first| first.message) {
            Some(wire::lane_request::Message::Hello(hello)) => hello,
            Some(wire::lane_request::Message::Frame(_)) | None => {
                return Err(Status::invalid_argument("a lane begins with a greeting"));
            }
        };
        let addresses = hello.addresses.clone();
        let hello = codec::hello_from_wire(Some(hello)).map_err(unsound)?;
        let peer = hello.sender;
        let (replies, stream) = mpsc::channel(2);
        let answer = match self.check_hello(&hello) {
            Ok(()) => {
                self.shared.directory.hear(peer.node, &addresses);
                let welcome = codec::welcome_to_wire(&self.shared.identity.welcome());
                let inbound = Inbound {
                    shared: Arc::clone(&self.shared),
                    meters: self.shared.meters.of(peer.node),
                    stream: self.shared.opened(&peer),
                    peer,
                    lane: hello.lane,
                    replies: replies.clone(),
                };
                self.tasks.spawn(inbound.run(requests, self.stop.clone()));
                wire::lane_reply::Message::Welcome(welcome)
            }
            Err(error) => {
                self.shared.tell_refusal(peer.node, false, error);
                wire::lane_reply::Message::Refusal(codec::refusal_to_wire(&error))
            }
        };
        let answer = wire::LaneReply { message: Some(answer) };
        replies.try_send(Ok(answer)).expect("the channel is new and has room");
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn inquire(
        &self,
        request: Request<wire::InquireRequest>,
    ) -> Result<Response<wire::InquireReply>, Status> {
        let request = request.into_inner();
        let Identity { cluster, node, incarnation, .. } = self.shared.identity;
        let refusal = if request.protocol_version != PROTOCOL_VERSION {
            let found = request.protocol_version;
            Some(HandshakeError::ProtocolVersion { expected: PROTOCOL_VERSION, found })
        } else if request.cluster != cluster {
            Some(HandshakeError::Cluster { expected: cluster, found: request.cluster })
        } else {
            None
        };
        if let Some(error) = refusal {
            return Err(Status::failed_precondition(error.to_string()));
        }
        Ok(Response::new(wire::InquireReply {
            sender: node.0,
            incarnation: incarnation.0,
            storage: self.shared.recorded(NodeId(request.member)),
            removed: self.shared.is_removed(NodeId(request.member)),
        }))
    }

    async fn members(
        &self,
        request: Request<wire::MembersRequest>,
    ) -> Result<Response<wire::MembersReply>, Status> {
        check_version(request.get_ref().protocol_version)?;
        let Identity { cluster, node, .. } = self.shared.identity;
        let members = codec::members_to_wire(self.desk()?.members());
        Ok(Response::new(wire::MembersReply { cluster, sender: node.0, members }))
    }

    async fn change_members(
        &self,
        request: Request<wire::ChangeMembersRequest>,
    ) -> Result<Response<wire::ChangeMembersReply>, Status> {
        let request = request.into_inner();
        check_version(request.protocol_version)?;
        let Identity { cluster, .. } = self.shared.identity;
        if request.cluster != cluster {
            let error = HandshakeError::Cluster { expected: cluster, found: request.cluster };
            return Err(Status::failed_precondition(error.to_string()));
        }
        let change = codec::change_from_wire(request.change).map_err(unsound)?;
        let timeout = Duration::from_millis(request.timeout_ms).min(LONGEST_CHANGE);
        let outcome = self.desk()?.change(change, timeout).await;
        Ok(Response::new(codec::outcome_to_wire(outcome)))
    }
}

impl PeerService {
    /// Whether this node may listen to who dialled.
    fn check_hello(&self, hello: &Hello) -> Result<(), HandshakeError> {
        let sender = hello.sender.node;
        self.shared.identity.check_hello(hello, self.shared.recorded(sender))?;
        if self.shared.is_removed(sender) {
            return Err(HandshakeError::Removed { member: sender.0 });
        }
        Ok(())
    }

    /// Whose greeting it was is not known.
    fn count_damage(&self, status: &Status) {
        if proto::broken_seal(status).is_some() {
            self.shared.meters.of(NodeId(0)).messages_damaged.one();
            tracing::warn!(why = status.message(), "greeting damaged, connection refused");
        }
    }

    fn desk(&self) -> Result<&Arc<dyn MemberDesk>, Status> {
        self.shared.desk.get().ok_or_else(|| Status::unavailable("the node is starting"))
    }
}

fn check_version(found: u32) -> Result<(), Status> {
    if found == PROTOCOL_VERSION {
        return Ok(());
    }
    let error = HandshakeError::ProtocolVersion { expected: PROTOCOL_VERSION, found };
    Err(Status::failed_precondition(error.to_string()))
}

/// One lane from a peer.
struct Inbound {
    shared: Arc<Shared>,
    meters: Arc<PeerMeters>,
    stream: OpenStream,
    peer: Identity,
    lane: Lane,
    /// Its end is the lane's.
    replies: Replies,
}

impl Inbound {
    async fn run(self, mut requests: Streaming<wire::LaneRequest>, stop: CancellationToken) {
        // The peer may have dialled because it just started: so dial it now.
        if let Some(link) = self.shared.link(self.peer.node) {
            link.kick();
        }
        let peer = self.peer.node;
        loop {
            let request = tokio::select! {
                () = stop.cancelled() => return,
                () = self.stream.cut() => return,
                request = requests.message() => request,
            };
            let taken = match request {
                Ok(Some(request)) => self.take(request),
                Ok(None) => return,
                Err(status) if proto::broken_seal(&status).is_some() => {
                    self.meters.messages_damaged.one();
                    Err(status)
                }
                // The codec's word for a message above the limit.
                Err(status) if status.code() == Code::OutOfRange => Err(status),
                Err(status) => {
                    tracing::debug!(%peer, lane = %self.lane, why = status.message(), "lane ended");
                    return;
                }
            };
            if let Err(status) = taken {
                self.meters.streams_refused.one();
                tracing::warn!(%peer, lane = %self.lane, why = status.message(), "lane refused");
                // If the peer is no longer listening it need not know why.
                let _ = self.replies.try_send(Err(status));
                return;
            }
        }
    }

    fn take(&self, request: wire::LaneRequest) -> Result<(), Status> {
        let Some(wire::lane_request::Message::Frame(frame)) = request.message else {
            return Err(unsound(DecodeError::Missing("the frame")));
        };
        let bytes = frame.encoded_len();
        let frame = codec::frame_from_wire(frame).map_err(unsound)?;
        self.check_sender(&frame)?;
        self.meters.frames_received.one();
        self.meters.bytes_received.add(bytes);
        self.shared.tell(TransportEvent::Frame {
            from: self.peer.node,
            incarnation: self.peer.incarnation,
            frame,
        });
        Ok(())
    }

    /// A node speaks for itself only.
    fn check_sender(&self, frame: &Frame) -> Result<(), Status> {
        let FrameBody::Raft(message) = &frame.body else { return Ok(()) };
        let (peer, own) = (self.peer.node, self.shared.identity.node);
        if message.from != peer || message.to != own {
            return Err(Status::invalid_argument(format!(
                "a message from {} to {} on the lane from {peer} to {own}",
                message.from, message.to
            )));
        }
        Ok(())
    }
}

fn unsound(error: DecodeError) -> Status {
    Status::invalid_argument(error.to_string())
}
