//! The transport over gRPC.
//!
//! Each node dials each peer for what it has to send; what comes back on that
//! connection is the handshake's outcome and, in the end, that it is over.
//!
//! ```text
//!          node 1                                    node 2
//!   send ─▶ queue ─▶ lane task ══ urgent ════▶ peer service ─▶ events
//!        ─▶ queue ─▶ lane task ══ bulk ══════▶      "
//!        ─▶ queue ─▶ lane task ══ snapshot ══▶      "
//!   events ◀─ peer service ◀══════ urgent ══ lane task ◀─ queue ◀─ send
//!                    …
//! ```
//!
//! Each message has a checksum around it, which is compared before anything in it is
//! looked at. Where it is wrong the stream ends, and the lane is dialled anew.
//!
//! Each lane is a TCP connection of its own, so that neither a full window nor a
//! lost packet of an append holds a heartbeat up. The snapshot lane is dialled when
//! it is needed first. Frames are pipelined: nothing waits for an answer.
//!
//! A lane that breaks is redialled at once, then with waits that double. What was
//! queued for it is dropped, and the node told: a core that hears that a peer
//! cannot be reached sends again what matters, and stale frames help nobody.
//! A process that is gone is told apart from one that cannot be reached by
//! the rules written down in this module's `presence.rs`.

mod ask;
mod backoff;
mod dial;
mod directory;
mod door;
mod heads;
mod lane;
mod link;
mod meters;
mod options;
mod presence;
mod queue;
mod server;
mod shared;

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use raft_core::NodeId;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::frame::Frame;
use crate::handshake::Identity;
use crate::members::MemberDesk;
use crate::transport::{Peer, Transport};

pub use ask::{ChangeCall, Inquiry, Roll, ask_change, ask_members, inquire};
pub use dial::DialError;
pub use meters::PeerCounts;
pub use options::Options;
pub use shared::EventSink;

use door::Door;
use link::Link;
use shared::Shared;

/// Room in a gRPC message for what wraps a frame.
const WRAPPING_BYTES: usize = 64;

/// A transport over gRPC. Dropped, it ends at once; [`GrpcTransport::shutdown`]
/// lets go first what is queued.
pub struct GrpcTransport {
    shared: Arc<Shared>,
    runtime: Handle,
    tasks: TaskTracker,
    stop: CancellationToken,
    address: SocketAddr,
}

impl GrpcTransport {
    /// Listens on a bound socket, with all tasks on the given runtime, and tells
    /// what comes in to `events`. Nobody is dialled before
    /// [`Transport::set_peers`].
    ///
    /// # Errors
    ///
    /// If the socket cannot be used.
    pub fn start(
        runtime: &Handle,
        listener: TcpListener,
        identity: Identity,
        options: Options,
        events: EventSink,
    ) -> io::Result<GrpcTransport> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let shared = Arc::new(Shared::new(identity, options.bounded(), events));
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let door = Door::new(&shared, &tasks, &stop);
        tasks.spawn_on(door.open(listener), runtime);
        Ok(GrpcTransport { shared, runtime: runtime.clone(), tasks, stop, address })
    }

    /// Says who answers what peers ask about members, once. Before that they are told
    /// that the node is starting.
    ///
    /// # Panics
    ///
    /// If it was said already.
    pub fn serve_members(&self, desk: Arc<dyn MemberDesk>) {
        assert!(self.shared.desk.set(desk).is_ok(), "a transport has one desk for members");
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The counts of each peer that was ever known or dialled in.
    pub fn counts(&self) -> BTreeMap<NodeId, PeerCounts> {
        self.shared.meters.read()
    }

    /// How many connections to this node ended in an error: no sound HTTP came on them,
    /// or they broke in the middle.
    pub fn connections_broken(&self) -> u64 {
        self.shared.meters.connections_broken.read()
    }

    /// Takes no more frames, lets those that are queued leave (for
    /// [`Options::drain_timeout`] at most), and ends all connections.
    pub async fn shutdown(&self) {
        let links: Vec<_> = self.shared.links().values().cloned().collect();
        let drained = async {
            for link in &links {
                link.close();
            }
            for link in &links {
                link.drained().await;
            }
        };
        let limit = self.shared.options.drain_timeout;
        // What is not gone by then is lost, as if the network had lost it.
        let _ = timeout(limit, drained).await;
        self.stop.cancel();
        self.tasks.close();
        // A connection on which nothing is said may keep the listener's task.
        let _ = timeout(limit, self.tasks.wait()).await;
    }

    /// A link to a node that the membership does not tell of, at the addresses that it
    /// told itself when it dialled: this node is behind, or that one was removed.
    fn link_back(&self, peer: NodeId) -> Option<Arc<Link>> {
        let addresses = self.shared.directory.heard_of(peer);
        if addresses.is_empty() || peer == self.shared.identity.node {
            return None;
        }
        let mut links = self.shared.links();
        if let Some(link) = links.get(&peer) {
            return Some(Arc::clone(link));
        }
        let stranger = Peer { id: peer, addresses, storage: None };
        let stop = self.stop.child_token();
        let link = Link::open(&self.shared, &stranger, stop, &self.tasks, &self.runtime);
        link.set_leaving(true);
        links.insert(peer, Arc::clone(&link));
        drop(links);
        self.let_go_when_abandoned(&link, peer);
        Some(link)
    }

    fn let_go_when_abandoned(&self, link: &Arc<Link>, peer: NodeId) {
        let (shared, link) = (Arc::clone(&self.shared), Arc::clone(link));
        let stop = self.stop.clone();
        self.tasks.spawn_on(
            async move {
                let abandoned = tokio::select! {
                    () = stop.cancelled() => false,
                    abandoned = link.abandoned(shared.options.linger) => abandoned,
                };
                if abandoned {
                    tracing::info!(%peer, "former member let go");
                    let mut links = shared.links();
                    if links.get(&peer).is_some_and(|current| Arc::ptr_eq(current, &link)) {
                        links.remove(&peer);
                    }
                    drop(links);
                    shared.directory.forget(peer);
                    link.stop();
                }
            },
            &self.runtime,
        );
    }
}

impl Transport for GrpcTransport {
    fn send(&self, to: NodeId, frame: Frame) {
        if let Some(link) = self.shared.link(to).or_else(|| self.link_back(to)) {
            link.send(&self.shared, &frame);
        }
    }

    fn probe(&self, peer: NodeId) {
        let Some(link) = self.shared.link(peer) else { return };
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn_on(async move { link.probe(&shared).await }, &self.runtime);
    }

    fn set_peers(&self, peers: Vec<Peer>) {
        let own = self.shared.identity.node;
        if let Some(peer) = peers.iter().find(|peer| peer.id == own) {
            self.shared.directory.set_own(&peer.addresses);
        }
        let mut links = self.shared.links();
        let mut leaving: BTreeMap<_, _> = links.clone();
        for peer in peers.iter().filter(|peer| peer.id != own) {
            leaving.remove(&peer.id);
            match links.get(&peer.id) {
                Some(link) if link.leads_to(&peer.addresses) => {
                    link.record(peer.storage);
                    link.set_leaving(false);
                }
                other => {
                    other.inspect(|link| link.stop());
                    let stop = self.stop.child_token();
                    let link = Link::open(&self.shared, peer, stop, &self.tasks, &self.runtime);
                    links.insert(peer.id, link);
                }
            }
        }
        drop(links);
        for peer in &peers {
            if let Some(storage) = peer.storage {
                self.shared.presence.require_storage(peer.id, storage);
            }
        }
        for (peer, link) in leaving {
            if link.set_leaving(true) {
                self.let_go_when_abandoned(&link, peer);
            }
        }
    }
}

impl Drop for GrpcTransport {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn message_limit(options: &Options) -> usize {
    options.max_frame_bytes + WRAPPING_BYTES
}
