//! Reaching a peer: the connection, then the handshake.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use prost::Message as _;
use proto::balsa::raft::v1 as wire;
use proto::balsa::raft::v1::peer_client::PeerClient;
use raft_core::{Incarnation, NodeId};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_stream::Stream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

use super::meters::PeerMeters;
use super::options::Options;
use super::queue::LaneQueue;
use crate::address::PeerAddress;
use crate::codec::{self, DecodeError};
use crate::frame::Lane;
use crate::handshake::{HandshakeError, Identity, PROTOCOL_VERSION, Welcome};

/// Why a dial came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The peer's system is there and says that nobody listens.
    #[error("connection refused")]
    NobodyListens,
    /// No connection came about, or it broke.
    #[error("{0}")]
    Unreachable(String),
    /// No answer within this many milliseconds.
    #[error("no answer within {0} ms")]
    TimedOut(u128),
    /// Whoever answered does not speak as a peer does.
    #[error("the answer makes no sense: {0}")]
    Garbled(#[from] DecodeError),
    /// The two do not belong together.
    #[error("{error}")]
    Refused {
        /// Whether the peer refused this node.
        by_peer: bool,
        /// Why.
        error: HandshakeError,
    },
}

/// An open lane.
pub struct Session {
    /// Who answered.
    pub welcome: Welcome,
    /// Silent; its end is the lane's.
    pub replies: Streaming<wire::LaneReply>,
    /// Lets the frames go.
    pub start: oneshot::Sender<()>,
}

/// Whom to dial, and what for.
pub struct Call<'a> {
    /// This node.
    pub identity: &'a Identity,
    /// The settings.
    pub options: &'a Options,
    /// The peer.
    pub peer: NodeId,
    /// The storage id recorded for it.
    pub recorded: Option<u64>,
    /// Where this node is reached, as it says in its greeting.
    pub addresses: Vec<String>,
}

impl Call<'_> {
    /// Opens a lane that will carry what is in the queue, once [`Session::start`]
    /// is told so. Tries the addresses in turn.
    ///
    /// # Errors
    ///
    /// That of the last address; [`DialError::NobodyListens`] only if all said so.
    pub async fn open_lane(
        &self,
        addresses: &[PeerAddress],
        lane: Lane,
        queue: &Arc<LaneQueue>,
        meters: &Arc<PeerMeters>,
    ) -> Result<Session, DialError> {
        let mut failure = None;
        for address in addresses {
            match self.open_lane_at(address, lane, queue, meters).await {
                Ok(session) => return Ok(session),
                Err(error) => failure = Some(worse(failure, error)),
            }
        }
        Err(failure.unwrap_or_else(no_address))
    }

    async fn open_lane_at(
        &self,
        address: &PeerAddress,
        lane: Lane,
        queue: &Arc<LaneQueue>,
        meters: &Arc<PeerMeters>,
    ) -> Result<Session, DialError> {
        let mut client = connect(address, self.options).await?;
        let (start, started) = oneshot::channel();
        let mut hello = codec::hello_to_wire(&self.identity.hello(self.peer, lane));
        hello.addresses.clone_from(&self.addresses);
        let outgoing = Outgoing {
            hello: Some(hello),
            started: Some(started),
            connection: queue.next_connection(),
            queue: Arc::clone(queue),
            meters: Arc::clone(meters),
        };
        let handshake = async {
            let mut replies = client.open_lane(outgoing).await.map_err(status)?.into_inner();
            let first = replies.message().await.map_err(status)?;
            let first = first.and_then(|reply| reply.message);
            Ok((codec::required(first, "the answer to the greeting")?, replies))
        };
        let (first, replies) = self.in_time(handshake).await?;
        match first {
            wire::lane_reply::Message::Refusal(refusal) => {
                let error = codec::refusal_from_wire(&refusal)?;
                Err(DialError::Refused { by_peer: true, error })
            }
            wire::lane_reply::Message::Welcome(welcome) => {
                let welcome = codec::welcome_from_wire(&welcome)?;
                match self.identity.check_welcome(&welcome, self.peer, self.recorded) {
                    Ok(()) => Ok(Session { welcome, replies, start }),
                    Err(error) => Err(DialError::Refused { by_peer: false, error }),
                }
            }
        }
    }

    /// Asks a peer what it knows of a member. Tries the addresses in turn.
    ///
    /// # Errors
    ///
    /// As those of [`Call::open_lane`].
    pub async fn inquire(
        &self,
        addresses: &[PeerAddress],
        member: NodeId,
    ) -> Result<wire::InquireReply, DialError> {
        let mut failure = None;
        for address in addresses {
            match self.inquire_at(address, member).await {
                Ok(reply) => return Ok(reply),
                Err(error) => failure = Some(worse(failure, error)),
            }
        }
        Err(failure.unwrap_or_else(no_address))
    }

    async fn inquire_at(
        &self,
        address: &PeerAddress,
        member: NodeId,
    ) -> Result<wire::InquireReply, DialError> {
        let mut client = connect(address, self.options).await?;
        let request = wire::InquireRequest {
            protocol_version: PROTOCOL_VERSION,
            cluster: self.identity.cluster,
            member: member.0,
        };
        let reply = async { Ok(client.inquire(request).await.map_err(status)?.into_inner()) };
        let reply = self.in_time(reply).await?;
        if reply.sender != self.peer.0 {
            let error = HandshakeError::Receiver { expected: self.peer.0, found: reply.sender };
            return Err(DialError::Refused { by_peer: false, error });
        }
        Ok(reply)
    }

    /// Which life of the peer answers now.
    ///
    /// # Errors
    ///
    /// As those of [`Call::open_lane`].
    pub async fn who_is_there(&self, addresses: &[PeerAddress]) -> Result<Incarnation, DialError> {
        let reply = self.inquire(addresses, self.identity.node).await?;
        Ok(Incarnation(reply.incarnation))
    }

    async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, DialError>>,
    ) -> Result<T, DialError> {
        let limit = self.options.handshake_timeout;
        timeout(limit, answer).await.unwrap_or(Err(DialError::TimedOut(limit.as_millis())))
    }
}

pub(super) async fn connect(
    address: &PeerAddress,
    options: &Options,
) -> Result<PeerClient<Channel>, DialError> {
    let endpoint = Endpoint::from_shared(address.url())
        .map_err(|error| DialError::Unreachable(error.to_string()))?
        .connect_timeout(options.connect_timeout)
        .tcp_nodelay(true)
        .initial_stream_window_size(options.window_bytes)
        .initial_connection_window_size(options.window_bytes)
        .http2_keep_alive_interval(options.keepalive_interval)
        .keep_alive_timeout(options.keepalive_timeout)
        .keep_alive_while_idle(true);
    let channel = endpoint.connect().await.map_err(|error| why_unreachable(&error))?;
    Ok(PeerClient::new(channel)
        .max_decoding_message_size(options.max_frame_bytes)
        .max_encoding_message_size(super::message_limit(options)))
}

/// The system's own error lies somewhere below tonic's and hyper's.
fn why_unreachable(error: &(dyn Error + 'static)) -> DialError {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    match deepest.downcast_ref::<io::Error>() {
        Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => DialError::NobodyListens,
        _ => DialError::Unreachable(deepest.to_string()),
    }
}

/// That nobody listens is told only if it holds for all addresses; that a peer is
/// the wrong one is told in any case.
fn worse(earlier: Option<DialError>, error: DialError) -> DialError {
    match (earlier, error) {
        (Some(earlier @ DialError::Refused { .. }), _) => earlier,
        (Some(earlier), DialError::NobodyListens) => earlier,
        (_, error) => error,
    }
}

fn no_address() -> DialError {
    DialError::Unreachable("no address is known".to_owned())
}

pub(super) fn status(status: Status) -> DialError {
    DialError::Unreachable(format!("{:?}: {}", status.code(), status.message()))
}

/// What a connection sends: the greeting, then, once the peer has answered it,
/// whatever the queue holds.
struct Outgoing {
    hello: Option<wire::Hello>,
    started: Option<oneshot::Receiver<()>>,
    connection: u64,
    queue: Arc<LaneQueue>,
    meters: Arc<PeerMeters>,
}

impl Stream for Outgoing {
    type Item = wire::LaneRequest;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<wire::LaneRequest>> {
        use wire::lane_request::Message;
        if let Some(hello) = self.hello.take() {
            let message = Some(Message::Hello(hello));
            return Poll::Ready(Some(wire::LaneRequest { message }));
        }
        if let Some(started) = &mut self.started {
            match Pin::new(started).poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(None),
                Poll::Ready(Ok(())) => self.started = None,
            }
        }
        self.queue.poll_pop(self.connection, context).map(|frame| {
            let frame = frame?;
            self.meters.frames_sent.one();
            self.meters.bytes_sent.add(frame.encoded_len());
            Some(wire::LaneRequest { message: Some(Message::Frame(frame)) })
        })
    }
}
