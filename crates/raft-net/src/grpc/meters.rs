//! What the transport counts, for each peer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use raft_core::NodeId;

/// Peers that are told apart. Strangers may give themselves any id; those beyond
/// are counted together, as node 0.
pub const MAX_PEERS: usize = 1024;

/// Counts since the transport was started, of one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerCounts {
    /// Frames given to a connection.
    pub frames_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Frames that came in and were sound.
    pub frames_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// Frames dropped because a queue was full or the peer could not be reached.
    pub frames_dropped: u64,
    /// Frames not sent because they pass the largest size.
    pub frames_too_large: u64,
    /// Lanes opened to the peer.
    pub lanes_opened: u64,
    /// Lanes to the peer that broke.
    pub lanes_broken: u64,
    /// Dials that came to nothing.
    pub dials_failed: u64,
    /// Handshakes that one of the two sides refused.
    pub handshakes_refused: u64,
    /// Streams closed because something unsound came in.
    pub streams_refused: u64,
    /// Messages that were not as they were sent; each ends its stream, too.
    pub messages_damaged: u64,
    /// Lives of the peer that were found gone.
    pub lives_gone: u64,
    /// Streams open now, from the peer and to it. The one value here that falls.
    pub streams_open: u64,
}

/// The counters behind [`PeerCounts`], of all peers.
#[derive(Default)]
pub struct Meters {
    peers: Mutex<BTreeMap<NodeId, Arc<PeerMeters>>>,
    /// Connections to this node that ended in an error; whose they were is not always
    /// known.
    pub connections_broken: Meter,
}

impl Meters {
    /// The counters of one peer.
    pub fn of(&self, peer: NodeId) -> Arc<PeerMeters> {
        let mut peers = self.peers.lock().expect("nobody panics with this lock");
        let known = peers.contains_key(&peer) || peers.len() < MAX_PEERS;
        let peer = if known { peer } else { NodeId(0) };
        Arc::clone(peers.entry(peer).or_default())
    }

    /// All counts as they stand.
    pub fn read(&self) -> BTreeMap<NodeId, PeerCounts> {
        let peers = self.peers.lock().expect("nobody panics with this lock");
        peers.iter().map(|(peer, meters)| (*peer, meters.read())).collect()
    }
}

/// One counter.
#[derive(Default)]
pub struct Meter(AtomicU64);

impl Meter {
    /// Counts one more.
    pub fn one(&self) {
        self.add(1);
    }

    /// Counts so many more.
    pub fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Ordering::Relaxed);
    }

    /// Counts one less.
    pub fn one_less(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// The count as it stands.
    pub fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of one peer; see [`PeerCounts`] for what each counts.
#[derive(Default)]
#[allow(missing_docs)] // Documented in `PeerCounts`, field by field.
pub struct PeerMeters {
    pub frames_sent: Meter,
    pub bytes_sent: Meter,
    pub frames_received: Meter,
    pub bytes_received: Meter,
    pub frames_dropped: Meter,
    pub frames_too_large: Meter,
    pub lanes_opened: Meter,
    pub lanes_broken: Meter,
    pub dials_failed: Meter,
    pub handshakes_refused: Meter,
    pub streams_refused: Meter,
    pub messages_damaged: Meter,
    pub lives_gone: Meter,
    pub streams_open: Meter,
}

impl PeerMeters {
    fn read(&self) -> PeerCounts {
        PeerCounts {
            frames_sent: self.frames_sent.read(),
            bytes_sent: self.bytes_sent.read(),
            frames_received: self.frames_received.read(),
            bytes_received: self.bytes_received.read(),
            frames_dropped: self.frames_dropped.read(),
            frames_too_large: self.frames_too_large.read(),
            lanes_opened: self.lanes_opened.read(),
            lanes_broken: self.lanes_broken.read(),
            dials_failed: self.dials_failed.read(),
            handshakes_refused: self.handshakes_refused.read(),
            streams_refused: self.streams_refused.read(),
            messages_damaged: self.messages_damaged.read(),
            lives_gone: self.lives_gone.read(),
            streams_open: self.streams_open.read(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_beyond_the_limit_are_counted_together() {
        let meters = Meters::default();
        for peer in 1..=MAX_PEERS as u64 + 10 {
            meters.of(NodeId(peer)).dials_failed.one();
        }
        let counts = meters.read();
        assert_eq!(counts.len(), MAX_PEERS + 1);
        assert_eq!(counts[&NodeId(1)].dials_failed, 1);
        assert_eq!(counts[&NodeId(0)].dials_failed, 10);
    }
}
