//! What went to and came from the other members, under etcd's names.

use std::collections::BTreeMap;

use raft_core::NodeId;
use raft_net::grpc::PeerCounts;

use super::registry::Registry;

/// Sets the counters to what is now. Those of a peer are registered when it is seen
/// first.
pub fn set(registry: &Registry, counts: &BTreeMap<NodeId, PeerCounts>, connections_broken: u64) {
    let help = "Connections to the peer port on which no sound call came, or that broke.";
    registry.counter("balsa_peer_connections_broken_total", help, &[]).absolute(connections_broken);
    for (peer, counts) in counts {
        let peer = format!("{:x}", peer.0);
        let to = |name, help, value| {
            registry.counter(name, help, &[("To", peer.clone())]).absolute(value);
        };
        let from = |name, help, value| {
            registry.counter(name, help, &[("From", peer.clone())]).absolute(value);
        };
        to("etcd_network_peer_sent_bytes_total", "Bytes sent to a member.", counts.bytes_sent);
        to("balsa_peer_sent_frames_total", "Frames sent to a member.", counts.frames_sent);
        to(
            "etcd_network_peer_sent_failures_total",
            "Frames for a member that were dropped.",
            counts.frames_dropped + counts.frames_too_large,
        );
        to(
            "etcd_network_disconnected_peers_total",
            "Connections to a member that broke.",
            counts.lanes_broken,
        );
        to("balsa_peer_dials_failed_total", "Dials that came to nothing.", counts.dials_failed);
        from(
            "etcd_network_peer_received_bytes_total",
            "Bytes that came from a member.",
            counts.bytes_received,
        );
        from(
            "balsa_peer_streams_refused_total",
            "Streams from a member that were closed because something unsound came in.",
            counts.streams_refused,
        );
        from(
            "balsa_peer_messages_damaged_total",
            "Messages from a member that were damaged on their way; 0 is whoever gave no name.",
            counts.messages_damaged,
        );
        from(
            "balsa_peer_received_frames_total",
            "Frames that came from a member.",
            counts.frames_received,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_peer_has_its_counters() {
        let registry = Registry::new();
        let counts = PeerCounts { bytes_sent: 5, bytes_received: 6, ..PeerCounts::default() };
        set(&registry, &BTreeMap::from([(NodeId(0x2a), counts)]), 7);
        let counts = PeerCounts { bytes_sent: 9, ..counts };
        set(&registry, &BTreeMap::from([(NodeId(0x2a), counts)]), 7);
        let text = registry.render();
        for line in [
            "balsa_peer_connections_broken_total 7",
            "etcd_network_peer_sent_bytes_total{To=\"2a\"} 9",
            "etcd_network_peer_received_bytes_total{From=\"2a\"} 6",
        ] {
            assert!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
        }
    }
}
