//! What a node does about what its replica tells.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use raft_core::{Membership, NodeId};
use raft_net::{MemberStatus, Peer, PeerAddress, Transport};

use super::member;
use crate::driver::Worker;
use crate::driver::queues::Notice;
use crate::replica::Observer;

/// Writes the log, keeps the transport's peers right, and tells the next observer.
pub struct Watcher {
    transport: OnceLock<Arc<dyn Transport>>,
    next: Arc<dyn Observer>,
}

impl Watcher {
    /// One that knows no transport yet.
    pub fn new(next: Arc<dyn Observer>) -> Watcher {
        Watcher { transport: OnceLock::new(), next }
    }

    /// Keeps this transport's peers right from now on, beginning with these.
    pub fn connect(&self, transport: Arc<dyn Transport>, membership: &Membership) {
        transport.set_peers(peers(membership));
        assert!(self.transport.set(transport).is_ok(), "a node has one transport");
    }
}

impl Observer for Watcher {
    fn notice(&self, notice: &Notice) {
        match notice {
            Notice::RoleChanged { role, term, leader } => {
                let leader = leader.map(hex).unwrap_or_default();
                tracing::info!(%role, term = term.0, leader, "role changed");
            }
            Notice::MembershipChanged { index, membership } => {
                tracing::info!(index = index.0, %membership, "membership changed");
                if let Some(transport) = self.transport.get() {
                    transport.set_peers(peers(membership));
                }
            }
            Notice::Ignored { from, reason } => {
                let from = from.map(hex).unwrap_or_default();
                tracing::debug!(from, ?reason, "input ignored");
            }
            Notice::PeerRefused { .. } | Notice::RoundBegun(_) => {}
            Notice::SnapshotTaken(meta) => {
                tracing::info!(position = %meta.position, "snapshot taken");
            }
            Notice::SnapshotInstalled(meta) => {
                tracing::info!(position = %meta.position, "snapshot installed");
            }
            Notice::Failed { what, error } => {
                tracing::warn!(what, %error, "failed, and is tried again");
            }
        }
        self.next.notice(notice);
    }

    fn turn(&self, worker: Worker, took: Duration) {
        self.next.turn(worker, took);
    }
}

/// An id as operators know it from the list of members.
fn hex(id: NodeId) -> String {
    format!("{:x}", id.0)
}

/// Where the members are. What cannot be dialled is left out: it was checked before
/// it came into the membership, perhaps by a version that knows more.
pub fn peers(membership: &Membership) -> Vec<Peer> {
    let found = member::members(membership);
    let peer = |(id, founder): (NodeId, member::Founder)| {
        let addresses: Vec<PeerAddress> =
            founder.peer_urls.iter().filter_map(|url| url.parse().ok()).collect();
        let storage = membership.members.get(&id).and_then(|member| member.storage_id);
        Peer { id, addresses, storage }
    };
    found.into_iter().map(peer).collect()
}

/// Where members are by the word of one of them.
pub fn peers_of(members: &[MemberStatus]) -> Vec<Peer> {
    let peer = |member: &MemberStatus| Peer {
        id: member.id,
        addresses: member.peer_urls.iter().filter_map(|url| url.parse().ok()).collect(),
        storage: None,
    };
    members.iter().map(peer).collect()
}
