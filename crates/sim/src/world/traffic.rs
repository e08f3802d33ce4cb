//! Frames between nodes, and what transports report.

use bytes::Bytes;
use raft_core::{Body, Incarnation, Message, NodeId, Time};
use raft_net::{Frame, FrameBody, TransportEvent, codec};

use super::{Happening, World};
use crate::checks::Fact;
use crate::counts::Kind;
use crate::faults::Moment;
use crate::network::{Fate, Lane};
use crate::report::Failure;

/// A transport notices after this long at most that nothing gets through, in
/// microseconds.
const NOTICED_WITHIN_US: u64 = 600_000;

impl World {
    /// A node's transport is given a frame.
    pub(super) fn send(&mut self, from: NodeId, to: NodeId, frame: &Frame) -> Result<(), Failure> {
        if let FrameBody::Raft(message) = &frame.body
            && !self.is_impostor(from)
        {
            self.observe(&Fact::Sent { message })?;
        }
        match &frame.body {
            FrameBody::Raft(Message { body: Body::TimeoutNow, .. }) => {
                let one = if self.notice.between(0, 1) == 0 { from } else { to };
                self.come_to(Moment::HandingOver, one);
            }
            FrameBody::SnapshotHeader(_) => self.come_to(Moment::SendingSnapshot, from),
            _ => {}
        }
        let bytes = codec::encode(frame);
        self.trace.note_bytes(self.now, from, "send", &bytes, || format!("to {to}: {frame}"));
        let lane = lane_of(&frame.body);
        match self.network.send(self.now, from, to, lane) {
            Fate::Lost { cut } => self.lost(from, to, lane, cut),
            Fate::Arrives { at, overtakes, again } => {
                let incarnation = self.nodes[&from].incarnation;
                self.counts.add_many(Kind::FrameReordered, u64::from(overtakes));
                self.counts.add_many(Kind::FrameDuplicated, u64::from(again.is_some()));
                for at in [Some(at), again].into_iter().flatten() {
                    let flipped = self.network.flipped_bit(bytes.len());
                    let (bytes, is_damaged) = match flipped {
                        Some(bit) => (with_flipped_bit(&bytes, bit), true),
                        None => (bytes.clone(), false),
                    };
                    let arrival = Happening::Arrival { from, incarnation, to, bytes, is_damaged };
                    self.queue.push(at, arrival);
                }
            }
        }
        Ok(())
    }

    /// A frame is lost. A cut is noticed after a while, by both ends, for a
    /// connection needs both directions; a single loss is noticed sometimes.
    fn lost(&mut self, from: NodeId, to: NodeId, lane: Lane, cut: bool) {
        if lane == Lane::Snapshot {
            self.counts.add(Kind::SnapshotStreamBroken);
        } else {
            self.counts.add(Kind::FrameLost);
        }
        if cut || lane == Lane::Snapshot || self.notice.between(0, 1) == 0 {
            self.hear_unreachable(from, to);
            self.hear_unreachable(to, from);
        }
    }

    /// A frame arrives.
    pub(super) fn arrive(
        &mut self,
        from: NodeId,
        incarnation: Incarnation,
        to: NodeId,
        bytes: &Bytes,
    ) -> Result<(), Failure> {
        if !self.admits(from, incarnation, to)? {
            self.hear_unreachable(from, to);
            return Ok(());
        }
        let frame = match codec::decode(bytes) {
            Ok(frame) => frame,
            Err(error) => {
                let what = format!("{to} cannot read what {from} wrote: {error}");
                return Err(Failure::Panicked(what));
            }
        };
        self.count_arrival(to, &frame);
        if !self.deliver(to, TransportEvent::Frame { from, incarnation, frame }) {
            self.hear_unreachable(from, to);
        }
        Ok(())
    }

    /// A frame arrives that is not as it was sent. The transport must see that, whatever
    /// it says, and ends the connection.
    pub(super) fn refuse_damaged(
        &mut self,
        from: NodeId,
        to: NodeId,
        bytes: &Bytes,
    ) -> Result<(), Failure> {
        if let Ok(frame) = codec::decode(bytes) {
            return Err(Failure::Accepted(format!("{to} took from {from}: {frame}")));
        }
        self.counts.add(Kind::FrameDamaged);
        self.hear_unreachable(from, to);
        self.hear_unreachable(to, from);
        Ok(())
    }

    /// Lets a node's transport notice, after a while, that a peer is out of reach.
    pub(super) fn hear_unreachable(&mut self, node: NodeId, peer: NodeId) {
        let Some(ears) = self.nodes.get_mut(&node).filter(|node| node.is_up()) else { return };
        if ears.noticing.insert(peer) {
            let at = Time(self.now.0 + self.notice.between(100, NOTICED_WITHIN_US));
            self.queue.push(at, Happening::Unreachable { to: node, peer });
        }
    }

    /// A node's transport reports that a stream to a peer broke.
    pub(super) fn tell_unreachable(&mut self, to: NodeId, peer: NodeId) -> Result<(), Failure> {
        let Some(node) = self.nodes.get_mut(&to) else { return Ok(()) };
        node.noticing.remove(&peer);
        if self.deliver(to, TransportEvent::PeerUnreachable(peer)) {
            self.counts.add(Kind::PeerUnreachable);
            self.note_of(to, "broken", &format_args!("stream to {peer}"));
        }
        Ok(())
    }

    /// An incarnation is gone, and whoever has a way there will find out: by a
    /// refused connection or by the next incarnation's handshake. `to`: only that
    /// node looks.
    pub(super) fn announce_gone(
        &mut self,
        peer: NodeId,
        incarnation: Incarnation,
        to: Option<NodeId>,
    ) {
        let listeners = to.map_or_else(|| self.peers_of(peer), |to| vec![to]);
        for to in listeners {
            if self.network.connects(peer, to) {
                let at = self.network.report_at(self.now, peer, to);
                self.queue.push(at, Happening::Gone { to, peer, incarnation });
            }
        }
    }

    /// A node's transport looks whether a peer is still there.
    pub(super) fn probe(&mut self, from: NodeId, peer: NodeId) {
        let Some(node) = self.nodes.get(&peer) else { return };
        if !node.is_up() && node.machine_answers {
            let incarnation = node.incarnation;
            self.announce_gone(peer, incarnation, Some(from));
        }
    }

    /// A node's transport reports that a peer's process is gone.
    pub(super) fn tell_gone(
        &mut self,
        to: NodeId,
        peer: NodeId,
        incarnation: Incarnation,
    ) -> Result<(), Failure> {
        if self.deliver(to, TransportEvent::PeerGone { peer, incarnation }) {
            if let Some(node) = self.nodes.get_mut(&to) {
                node.told_gone_at = Some(self.now);
            }
            self.counts.add(Kind::PeerGone);
            self.note_of(to, "gone", &format_args!("{peer}, incarnation {incarnation}"));
        }
        Ok(())
    }

    /// A node's transport reports that a peer's process is gone, though it runs: both
    /// its connections broke, and somebody else refused the next one.
    pub(super) fn tell_falsely(&mut self, to: NodeId, peer: NodeId) -> Result<(), Failure> {
        let Some(other) = self.nodes.get(&peer).filter(|other| other.is_honest()) else {
            return Ok(());
        };
        let incarnation = other.incarnation;
        self.counts.add_many(Kind::FalsePeerGone, u64::from(self.is_up(to)));
        self.tell_gone(to, peer, incarnation)
    }

    /// All other nodes whose processes run.
    pub(super) fn peers_of(&self, id: NodeId) -> Vec<NodeId> {
        let others = self.nodes.iter().filter(|(other, node)| **other != id && node.is_up());
        others.map(|(other, _)| *other).collect()
    }
}

fn with_flipped_bit(bytes: &Bytes, bit: usize) -> Bytes {
    let mut damaged = bytes.to_vec();
    damaged[bit / 8] ^= 1 << (bit % 8);
    damaged.into()
}

fn lane_of(body: &FrameBody) -> Lane {
    match body {
        FrameBody::Raft(_) => Lane::Datagram,
        FrameBody::Forward { .. } | FrameBody::ForwardReply { .. } => Lane::Stream,
        FrameBody::SnapshotHeader(_)
        | FrameBody::SnapshotChunk(_)
        | FrameBody::SnapshotProgress(_) => Lane::Snapshot,
    }
}
