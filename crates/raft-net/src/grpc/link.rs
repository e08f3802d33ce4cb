//! The three lanes to one peer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use raft_core::NodeId;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::dial::DialError;
use super::lane::LaneTask;
use super::meters::PeerMeters;
use super::queue::{LaneQueue, Pushed};
use super::shared::Shared;
use crate::address::PeerAddress;
use crate::codec;
use crate::frame::{Frame, Lane};
use crate::transport::{Peer, TransportEvent};

/// What leads to one peer.
pub struct Link {
    peer: NodeId,
    addresses: Vec<PeerAddress>,
    recorded: Mutex<Option<u64>>,
    /// In the order of [`Lane::ALL`].
    lanes: [Sender; 3],
    /// Ends all tasks of the link.
    stop: CancellationToken,
    tasks: TaskTracker,
    meters: Arc<PeerMeters>,
    /// The peer is no longer a member.
    leaving: AtomicBool,
    /// Frames given to the link so far.
    given: AtomicU64,
    probing: AtomicBool,
}

struct Sender {
    queue: Arc<LaneQueue>,
    kicks: watch::Sender<()>,
}

impl Link {
    /// Begins to dial the peer.
    pub fn open(
        shared: &Arc<Shared>,
        peer: &Peer,
        stop: CancellationToken,
        tasks: &TaskTracker,
        runtime: &Handle,
    ) -> Arc<Link> {
        let options = &shared.options;
        let lanes = Lane::ALL.map(|_| Sender {
            queue: Arc::new(LaneQueue::new(options.queue_frames, options.queue_bytes)),
            kicks: watch::Sender::new(()),
        });
        let meters = shared.meters.of(peer.id);
        let own_tasks = TaskTracker::new();
        for (lane, sender) in Lane::ALL.into_iter().zip(&lanes) {
            let task = LaneTask {
                shared: Arc::clone(shared),
                peer: peer.id,
                addresses: peer.addresses.clone(),
                lane,
                queue: Arc::clone(&sender.queue),
                kicks: sender.kicks.subscribe(),
                stop: stop.clone(),
                meters: Arc::clone(&meters),
            };
            tasks.spawn_on(own_tasks.track_future(task.run()), runtime);
        }
        Arc::new(Link {
            peer: peer.id,
            addresses: peer.addresses.clone(),
            recorded: Mutex::new(peer.storage),
            lanes,
            stop,
            tasks: own_tasks,
            meters,
            leaving: AtomicBool::new(false),
            given: AtomicU64::new(0),
            probing: AtomicBool::new(false),
        })
    }

    /// Queues a frame, or drops it and says so.
    pub fn send(&self, shared: &Shared, frame: &Frame) {
        self.given.fetch_add(1, Ordering::Relaxed);
        let wire = codec::frame_to_wire(frame);
        let bytes = prost::Message::encoded_len(&wire);
        if bytes > shared.options.max_frame_bytes {
            self.meters.frames_too_large.one();
            tracing::error!(
                peer = %self.peer, bytes, limit = shared.options.max_frame_bytes,
                "frame too large, not sent"
            );
            return;
        }
        let lane = &self.lanes[frame.lane() as usize];
        if let Pushed::Dropped { first } = lane.queue.push(wire, bytes) {
            self.meters.frames_dropped.one();
            if first {
                shared.tell(TransportEvent::PeerUnreachable(self.peer));
            }
        }
    }

    /// Finds out whether the peer's process is still there. One probe at a time.
    pub async fn probe(&self, shared: &Shared) {
        if self.probing.swap(true, Ordering::AcqRel) {
            return;
        }
        let start = shared.presence.dial();
        let call = shared.call(self.peer);
        let addresses = shared.directory.with_heard(self.peer, &self.addresses);
        let outcome = tokio::select! {
            () = self.stop.cancelled() => None,
            outcome = call.who_is_there(&addresses) => Some(outcome),
        };
        self.probing.store(false, Ordering::Release);
        let gone = match outcome {
            Some(Ok(incarnation)) => shared.presence.reached(self.peer, incarnation, start),
            Some(Err(DialError::NobodyListens)) => shared.presence.nobody_listens(self.peer, start),
            Some(Err(_)) | None => Vec::new(),
        };
        shared.tell_gone(self.peer, gone);
    }

    /// Lets the lanes that wait before a redial dial now.
    pub fn kick(&self) {
        for lane in &self.lanes {
            lane.kicks.send_replace(());
        }
    }

    /// Takes no more frames; what waits may leave, then the tasks end.
    pub fn close(&self) {
        for lane in &self.lanes {
            lane.queue.close();
        }
        self.kick();
    }

    /// Waits, after [`Link::close`], until the tasks have ended.
    pub async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Ends the tasks now.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Whether the link leads to these addresses.
    pub fn leads_to(&self, addresses: &[PeerAddress]) -> bool {
        self.addresses == addresses
    }

    /// The storage id recorded for the peer.
    pub fn recorded(&self) -> Option<u64> {
        *self.recorded.lock().expect("nobody panics with this lock")
    }

    /// Records the peer's storage id.
    pub fn record(&self, storage: Option<u64>) {
        *self.recorded.lock().expect("nobody panics with this lock") = storage;
    }

    /// Marks whether the peer is on its way out; says whether that is new.
    pub fn set_leaving(&self, leaving: bool) -> bool {
        self.leaving.swap(leaving, Ordering::AcqRel) != leaving
    }

    /// Waits until the peer is a member again or nothing was given to the link for
    /// a whole [`Options::linger`](super::Options::linger). Says whether it is the latter.
    pub async fn abandoned(&self, linger: std::time::Duration) -> bool {
        let mut given = self.given.load(Ordering::Relaxed);
        loop {
            tokio::time::sleep(linger).await;
            if !self.leaving.load(Ordering::Acquire) {
                return false;
            }
            let now = self.given.load(Ordering::Relaxed);
            if now == given {
                return true;
            }
            given = now;
        }
    }
}
