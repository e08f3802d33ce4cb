//! One snapshot on its way to one peer.

use std::collections::VecDeque;
use std::time::Duration;

use raft_core::{NodeId, Term, Time, TransferId};
use raft_net::{Frame, FrameBody, Progress, SnapshotChunk, SnapshotHeader, SnapshotProgress};
use raft_storage::{SnapshotSource, StorageError};

use crate::driver::config::DriverLimits;

/// A transfer at its sender.
///
/// A window of chunks is kept until the receiver has them, so that a broken stream
/// goes on where the receiver is, without reading the snapshot again:
///
/// ```text
///   chunks   ══════════│ kept, on their way │─ ─ ─ ─ ─ ─
///                 acknowledged            next
/// ```
pub(super) struct Sending {
    to: NodeId,
    header: SnapshotHeader,
    source: Box<dyn SnapshotSource>,
    kept: VecDeque<SnapshotChunk>,
    /// How many of the kept ones went out since the receiver last said where it is.
    sent: usize,
    /// The number of the next chunk to read.
    next: u64,
    has_ended: bool,
    /// The header went out and is not answered.
    is_asking: bool,
    /// When to ask again because the stream broke.
    asks_at: Time,
    stalls_at: Time,
    stalls: u32,
}

/// What became of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Goes,
    Delivered,
    Failed,
}

impl Sending {
    /// A transfer whose header has yet to go out; see [`Sending::ask`].
    pub(super) fn new(
        to: NodeId,
        term: Term,
        id: TransferId,
        source: Box<dyn SnapshotSource>,
        stalls_at: Time,
    ) -> Sending {
        let header = SnapshotHeader { id, term, meta: source.meta().clone() };
        Sending {
            to,
            header,
            source,
            kept: VecDeque::new(),
            sent: 0,
            next: 0,
            has_ended: false,
            is_asking: true,
            asks_at: Time::NEVER,
            stalls_at,
            stalls: 0,
        }
    }

    pub(super) fn id(&self) -> TransferId {
        self.header.id
    }

    /// When something is to be done even if nothing comes in.
    pub(super) fn wakes_at(&self) -> Time {
        self.asks_at.min(self.stalls_at)
    }

    /// Whether the receiver has been silent for too long.
    pub(super) fn is_stalled(&self, now: Time) -> bool {
        self.stalls_at <= now
    }

    /// Asks the receiver where it is: at the beginning, and when something may be lost.
    pub(super) fn ask(&mut self) -> (NodeId, Frame) {
        self.is_asking = true;
        self.asks_at = Time::NEVER;
        self.sent = 0;
        (self.to, Frame::new(FrameBody::SnapshotHeader(self.header.clone())))
    }

    /// What is on its way may be lost. The receiver is asked in a moment where it is, and
    /// not at once: while it cannot be reached, each question is lost as well. Only its
    /// silence counts against it, however often it is found unreachable meanwhile.
    pub(super) fn on_lost(&mut self, now: Time, limits: &DriverLimits) {
        self.is_asking = true;
        self.sent = 0;
        self.asks_at = self.asks_at.min(now.after(limits.snapshot_retry));
    }

    /// The receiver was silent for too long.
    pub(super) fn on_stall(&mut self, now: Time, limits: &DriverLimits) -> Fate {
        self.stalls += 1;
        self.stalls_at = now.after(limits.snapshot_stall);
        if self.stalls > limits.snapshot_stalls { Fate::Failed } else { Fate::Goes }
    }

    /// The receiver says where it is.
    pub(super) fn on_progress(
        &mut self,
        progress: SnapshotProgress,
        now: Time,
        stall: Duration,
    ) -> Fate {
        match progress.progress {
            Progress::Complete => return Fate::Delivered,
            Progress::Failed => return Fate::Failed,
            Progress::Receiving => {}
        }
        let acknowledged = self.next - self.kept.len() as u64;
        if progress.chunks > self.next {
            return Fate::Failed;
        }
        if progress.chunks < acknowledged {
            // An older report that was overtaken says nothing. The answer to a
            // header says that the receiver forgot what it had: a new transfer is
            // needed.
            return if self.is_asking { Fate::Failed } else { Fate::Goes };
        }
        let done = (progress.chunks - acknowledged) as usize;
        self.kept.drain(..done);
        self.sent = self.sent.saturating_sub(done);
        if done > 0 || self.is_asking {
            self.stalls_at = now.after(stall);
        }
        if done > 0 {
            self.stalls = 0;
        }
        self.is_asking = false;
        self.asks_at = Time::NEVER;
        Fate::Goes
    }

    /// Whether a chunk may go out.
    pub(super) fn can_send(&self, window: usize) -> bool {
        let has_more = self.sent < self.kept.len() || !self.has_ended;
        !self.is_asking && has_more && self.sent < window.max(1)
    }

    /// The next chunk to go out; `None` if the snapshot has no more.
    pub(super) fn next_frame(
        &mut self,
        chunk_bytes: usize,
    ) -> Result<Option<(NodeId, Frame)>, StorageError> {
        if self.sent == self.kept.len() {
            let Some(chunk) = self.source.next_chunk(chunk_bytes.max(1))? else {
                self.has_ended = true;
                return Ok(None);
            };
            self.has_ended = chunk.ends_snapshot;
            self.kept.push_back(SnapshotChunk { id: self.header.id, number: self.next, chunk });
            self.next += 1;
        }
        let chunk = self.kept[self.sent].clone();
        self.sent += 1;
        Ok(Some((self.to, Frame::new(FrameBody::SnapshotChunk(chunk)))))
    }
}
