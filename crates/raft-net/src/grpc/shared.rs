//! What all tasks of one transport share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use raft_core::{Incarnation, NodeId};
use tokio_util::sync::CancellationToken;

use super::dial::Call;
use super::directory::Directory;
use super::link::Link;
use super::meters::{MAX_PEERS, Meters};
use super::options::Options;
use super::presence::{Closed, Presence};
use crate::handshake::{HandshakeError, Identity};
use crate::members::MemberDesk;
use crate::transport::TransportEvent;

/// Takes in what a transport has to tell. Called from many threads at once; must
/// not block.
pub type EventSink = Box<dyn Fn(TransportEvent) + Send + Sync>;

/// The common ground of a transport's tasks.
pub struct Shared {
    /// This node.
    pub identity: Identity,
    /// The settings.
    pub options: Options,
    /// Who is at the other ends.
    pub presence: Presence,
    /// The counters.
    pub meters: Meters,
    /// Where nodes are by their own word.
    pub directory: Directory,
    /// Who answers what is asked about members.
    pub desk: OnceLock<Arc<dyn MemberDesk>>,
    events: EventSink,
    links: Mutex<BTreeMap<NodeId, Arc<Link>>>,
    /// The last refusal told of each peer, by whom.
    refusals: Mutex<BTreeMap<(NodeId, bool), HandshakeError>>,
}

impl Shared {
    /// Nobody is connected yet.
    pub fn new(identity: Identity, options: Options, events: EventSink) -> Shared {
        Shared {
            identity,
            options,
            presence: Presence::default(),
            meters: Meters::default(),
            directory: Directory::default(),
            desk: OnceLock::new(),
            events,
            links: Mutex::default(),
            refusals: Mutex::default(),
        }
    }

    /// The links to all peers.
    pub fn links(&self) -> MutexGuard<'_, BTreeMap<NodeId, Arc<Link>>> {
        self.links.lock().expect("nobody panics with this lock")
    }

    /// The link to one peer.
    pub fn link(&self, peer: NodeId) -> Option<Arc<Link>> {
        self.links().get(&peer).cloned()
    }

    /// The storage id recorded for a peer.
    pub fn recorded(&self, peer: NodeId) -> Option<u64> {
        self.link(peer).and_then(|link| link.recorded())
    }

    /// A call to a peer.
    pub fn call(&self, peer: NodeId) -> Call<'_> {
        let (identity, options) = (&self.identity, &self.options);
        let addresses = self.directory.own();
        Call { identity, options, peer, recorded: self.recorded(peer), addresses }
    }

    /// Whether a node was removed from the cluster, by committed evidence.
    pub fn is_removed(&self, node: NodeId) -> bool {
        self.desk.get().is_some_and(|desk| desk.is_removed(node))
    }

    /// Tells the node something.
    pub fn tell(&self, event: TransportEvent) {
        (self.events)(event);
    }

    /// Tells the node that lives of a peer are gone.
    pub fn tell_gone(&self, peer: NodeId, gone: Vec<Incarnation>) {
        for incarnation in gone {
            tracing::info!(%peer, %incarnation, "the peer's process is gone");
            self.meters.of(peer).lives_gone.one();
            self.tell(TransportEvent::PeerGone { peer, incarnation });
        }
    }

    /// Tells the node that a peer refused it, or it the peer; once, until the reason
    /// changes or a handshake succeeds.
    pub fn tell_refusal(&self, peer: NodeId, by_peer: bool, error: HandshakeError) {
        self.meters.of(peer).handshakes_refused.one();
        let mut refusals = self.refusals();
        let known = refusals.contains_key(&(peer, by_peer));
        if !known && refusals.len() >= MAX_PEERS {
            return;
        }
        if refusals.insert((peer, by_peer), error) != Some(error) {
            drop(refusals);
            tracing::error!(%peer, by_peer, %error, "handshake refused");
            self.tell(TransportEvent::Refused { peer, by_peer, error });
        }
    }

    fn refusals(&self) -> MutexGuard<'_, BTreeMap<(NodeId, bool), HandshakeError>> {
        self.refusals.lock().expect("nobody panics with this lock")
    }

    /// Takes note of an open stream from or to a peer, until the guard is dropped.
    /// Whatever came in on it must have been told by then.
    pub fn opened(self: &Arc<Shared>, peer: &Identity) -> OpenStream {
        let opened = self.presence.opened(peer.node, peer.incarnation, peer.storage);
        if opened.first {
            self.tell(TransportEvent::PeerConnected {
                peer: peer.node,
                incarnation: peer.incarnation,
                storage: peer.storage,
            });
        }
        self.refusals().retain(|(refused, _), _| *refused != peer.node);
        self.meters.of(peer.node).streams_open.one();
        OpenStream {
            shared: Arc::clone(self),
            peer: peer.node,
            incarnation: peer.incarnation,
            cut: opened.cut,
        }
    }
}

/// A stream that is open.
pub struct OpenStream {
    shared: Arc<Shared>,
    peer: NodeId,
    incarnation: Incarnation,
    cut: CancellationToken,
}

impl OpenStream {
    /// Waits until the stream has to end, whatever the connection looks like.
    pub async fn cut(&self) {
        self.cut.cancelled().await;
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.shared.meters.of(self.peer).streams_open.one_less();
        match self.shared.presence.closed(self.peer, self.incarnation) {
            Closed::OthersOpen => {}
            Closed::Gone => self.shared.tell_gone(self.peer, vec![self.incarnation]),
            Closed::Last => {
                if let Some(link) = self.shared.link(self.peer) {
                    link.kick();
                }
            }
        }
    }
}
