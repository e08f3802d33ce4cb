//! One lane to one peer, as long as the peer is one: dial, greet, send, and dial
//! again when it breaks.

use std::sync::Arc;
use std::time::Duration;

use raft_core::NodeId;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::dial::{DialError, Session};
use super::meters::PeerMeters;
use super::queue::LaneQueue;
use super::shared::Shared;
use crate::address::PeerAddress;
use crate::frame::Lane;
use crate::transport::TransportEvent;

/// The task behind a lane.
pub struct LaneTask {
    /// What all tasks of the transport share.
    pub shared: Arc<Shared>,
    /// The peer.
    pub peer: NodeId,
    /// Where to find it.
    pub addresses: Vec<PeerAddress>,
    /// Which lane.
    pub lane: Lane,
    /// What waits to be sent.
    pub queue: Arc<LaneQueue>,
    /// Changes to end a wait before a redial.
    pub kicks: watch::Receiver<()>,
    /// Ends the task.
    pub stop: CancellationToken,
    /// The peer's counters.
    pub meters: Arc<PeerMeters>,
}

/// Since when a peer cannot be reached, and when that was last told to operators.
#[derive(Default)]
struct Outage {
    since: Option<Instant>,
    told: Option<Instant>,
}

impl Outage {
    /// For how long a peer may be away, as while it restarts, without a word.
    const PATIENCE: Duration = Duration::from_secs(2);
    /// How often it is said.
    const REPEAT: Duration = Duration::from_secs(60);

    /// A dial came to nothing: whether that is to be told.
    fn is_to_be_told(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let is_due = now.duration_since(since) >= Outage::PATIENCE
            && self.told.is_none_or(|told| now.duration_since(told) >= Outage::REPEAT);
        if is_due {
            self.told = Some(now);
        }
        is_due
    }
}

impl LaneTask {
    /// Runs until it is stopped, or the queue is closed and drained.
    pub async fn run(self) {
        let stop = self.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.dial_forever() => {}
        }
        // A connection that is left behind ends when it has nothing more to get.
        self.queue.next_connection();
    }

    async fn dial_forever(&self) {
        let options = &self.shared.options;
        let seed = self.shared.identity.incarnation.0 ^ self.peer.0 ^ self.lane as u64;
        let mut backoff = Backoff::new(options.backoff_min, options.backoff_max, seed);
        let mut kicks = self.kicks.clone();
        let mut last_kicked = None;
        let mut outage = Outage::default();
        loop {
            if self.lane == Lane::Snapshot {
                self.queue.filled().await;
            }
            self.wait(backoff.next(), &mut kicks, &mut last_kicked).await;
            if self.queue.is_closed() {
                return;
            }
            // This dial does for all kicks so far.
            kicks.mark_unchanged();
            match self.dial().await {
                Ok(session) => {
                    outage = Outage::default();
                    let since = Instant::now();
                    self.serve(session).await;
                    // A peer that hangs up at once must not be dialled without pause.
                    if since.elapsed() >= options.backoff_max {
                        backoff.reset();
                    }
                }
                Err(error) => {
                    self.lose_queue();
                    if self.lane == Lane::Urgent && outage.is_to_be_told(Instant::now()) {
                        let urls: Vec<String> =
                            self.addresses.iter().map(PeerAddress::url).collect();
                        tracing::warn!(peer = %self.peer, ?urls, %error, "peer cannot be reached");
                    }
                    if let DialError::Refused { by_peer, error } = error {
                        backoff.slow_down();
                        self.shared.tell_refusal(self.peer, by_peer, error);
                    }
                }
            }
        }
    }

    /// Waits before a redial. A kick ends the wait: the peer was heard of, or its
    /// last stream ended and somebody has to find out what that means. At once, but
    /// not time and again: then the shortest wait is kept.
    async fn wait(
        &self,
        wait: Duration,
        kicks: &mut watch::Receiver<()>,
        last_kicked: &mut Option<Instant>,
    ) {
        let options = &self.shared.options;
        if wait.is_zero() {
            return;
        }
        tokio::select! {
            () = sleep(wait) => {}
            _ = kicks.changed() => {
                let recent = last_kicked.is_some_and(|last| last.elapsed() < options.backoff_max);
                *last_kicked = Some(Instant::now());
                if recent {
                    sleep(wait.min(options.backoff_min)).await;
                }
            }
        }
    }

    async fn dial(&self) -> Result<Session, DialError> {
        let presence = &self.shared.presence;
        let start = presence.dial();
        let call = self.shared.call(self.peer);
        let addresses = self.shared.directory.with_heard(self.peer, &self.addresses);
        let result = call.open_lane(&addresses, self.lane, &self.queue, &self.meters).await;
        match &result {
            Ok(session) => {
                self.meters.lanes_opened.one();
                let incarnation = session.welcome.sender.incarnation;
                tracing::info!(peer = %self.peer, lane = %self.lane, %incarnation, "lane opened");
                self.shared.tell_gone(self.peer, presence.reached(self.peer, incarnation, start));
            }
            Err(error) => {
                self.meters.dials_failed.one();
                tracing::debug!(peer = %self.peer, lane = %self.lane, %error, "dial failed");
                if *error == DialError::NobodyListens {
                    self.shared.tell_gone(self.peer, presence.nobody_listens(self.peer, start));
                }
            }
        }
        result
    }

    /// Lets the frames go until the lane ends.
    async fn serve(&self, mut session: Session) {
        let stream = self.shared.opened(&session.welcome.sender);
        // Fails only if the connection broke meanwhile; the replies tell then.
        let _ = session.start.send(());
        let why = tokio::select! {
            reply = session.replies.message() => match reply {
                Ok(_) => "closed by the peer".to_owned(),
                Err(status) => {
                    if proto::broken_seal(&status).is_some() {
                        self.meters.messages_damaged.one();
                    }
                    status.message().to_owned()
                }
            },
            () = stream.cut() => "another process stands for the peer".to_owned(),
        };
        // From here on the old connection gets no more frames.
        self.queue.next_connection();
        if !self.queue.is_closed() {
            self.meters.lanes_broken.one();
            tracing::info!(peer = %self.peer, lane = %self.lane, why, "lane broken");
            self.meters.frames_dropped.add(self.queue.clear());
            self.shared.tell(TransportEvent::PeerUnreachable(self.peer));
        }
    }

    /// What waits would be stale when the peer can be reached at last.
    fn lose_queue(&self) {
        let lost = self.queue.clear();
        if lost > 0 {
            self.meters.frames_dropped.add(lost);
            self.shared.tell(TransportEvent::PeerUnreachable(self.peer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_after_a_while_and_now_and_then() {
        let mut outage = Outage::default();
        let began = Instant::now();
        let mut told = |seconds| outage.is_to_be_told(began + Duration::from_secs(seconds));
        assert!(!told(0) && !told(1));
        assert!(told(2));
        assert!(!told(3) && !told(61));
        assert!(told(62));
        assert!(!told(63));
    }
}
