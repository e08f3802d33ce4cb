//! What nodes say to each other, and how it travels.
//!
//! A [`Frame`] is one message between two nodes, whatever carries it. The
//! [`codec`] turns frames into bytes and back, and refuses everything that no
//! sane peer would send, so that the rest of a node never sees it. [`Transport`]
//! is what a node asks of a network; what comes from it is a [`TransportEvent`].
//!
//! ```text
//!   driver ── Frame ──▶ Transport ── bytes ──▶ (a peer's) Transport ── TransportEvent ──▶ driver
//! ```
//!
//! Three [`Lane`]s lead to each peer, so that a heartbeat never waits behind an
//! append, nor an append behind a snapshot.

mod address;
pub mod codec;
mod frame;
#[cfg(feature = "grpc")]
pub mod grpc;
mod handshake;
mod members;
mod transport;

pub use address::{InvalidAddress, PeerAddress};
pub use frame::{
    ForwardId, ForwardOutcome, ForwardRefusal, Frame, FrameBody, Lane, Progress, SnapshotChunk,
    SnapshotHeader, SnapshotProgress,
};
pub use handshake::{HandshakeError, Hello, Identity, PROTOCOL_VERSION, Welcome};
pub use members::{
    ChangeFailure, ChangeFuture, ChangeOutcome, ChangeRefusal, Changed, MemberChange, MemberDesk,
    MemberStatus,
};
pub use transport::{Peer, Transport, TransportEvent};
