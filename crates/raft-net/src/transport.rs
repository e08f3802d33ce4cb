//! What a node asks of a network, and what it hears from it.

use raft_core::{Incarnation, NodeId};

use crate::address::PeerAddress;
use crate::frame::Frame;
use crate::handshake::HandshakeError;

/// Carries frames to peers. Nothing in it blocks and nothing in it fails: a frame
/// that cannot be sent is dropped, as a network may drop any, and the node is told
/// by [`TransportEvent::PeerUnreachable`].
///
/// What comes in is given, as a [`TransportEvent`], to a function that the transport
/// was made with. It is called from many threads at once and must not block. It may call
/// [`Transport::send`] before it returns, so it is called without any lock that this
/// needs. Frames of one lane arrive in the order in which they were sent.
pub trait Transport: Send + Sync {
    /// Sends a frame to a peer, on the frame's own [`Lane`](crate::Lane). One that is
    /// not among the peers gets it where it said itself that it is, if it ever did.
    fn send(&self, to: NodeId, frame: Frame);

    /// Finds out at once whether a peer's process is still there, whatever the
    /// connection looks like. If it is gone, [`TransportEvent::PeerGone`] follows.
    fn probe(&self, peer: NodeId);

    /// Sets the peers; this node itself is passed over. Connections to new ones are
    /// opened. One that is no longer among them is still sent to, for it must learn
    /// that it was removed; it is let go when nothing has been sent to it for a while.
    fn set_peers(&self, peers: Vec<Peer>);
}

/// What is known of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The peer.
    pub id: NodeId,
    /// Where to find it; tried in turn.
    pub addresses: Vec<PeerAddress>,
    /// The storage id that the membership has for it. Whoever comes with another
    /// one is refused.
    pub storage: Option<u64>,
}

/// What a node hears from its transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportEvent {
    /// A frame came in.
    Frame {
        /// The sender.
        from: NodeId,
        /// The sender's life.
        incarnation: Incarnation,
        /// The frame.
        frame: Frame,
    },
    /// A life of the peer is in touch for the first time. The storage id is the one
    /// to record in the membership if it has none for that peer.
    PeerConnected {
        /// The peer.
        peer: NodeId,
        /// Its life.
        incarnation: Incarnation,
        /// The id of its data folder.
        storage: u64,
    },
    /// Something that was sent to the peer is lost, or may be: its stream broke,
    /// or its queue is full.
    PeerUnreachable(NodeId),
    /// The peer's process of that incarnation is known to be gone. Comes after
    /// everything else from that incarnation.
    PeerGone {
        /// The peer.
        peer: NodeId,
        /// The life that ended.
        incarnation: Incarnation,
    },
    /// The two sides do not belong together, and somebody has to do something. It is
    /// tried again, slowly; told once, until the reason changes or it succeeds.
    Refused {
        /// The peer.
        peer: NodeId,
        /// Whether the peer refused this node (or this node the peer).
        by_peer: bool,
        /// Why.
        error: HandshakeError,
    },
}
