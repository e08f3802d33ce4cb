//! Whoever has something for the Raft worker may give it its turn.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use balsa::driver::queues::Notice;
use balsa::replica::{Ending, Observer, ReplicaHandle};
use raft_core::{Incarnation, NodeId};
use raft_net::{HandshakeError, TransportEvent};

use crate::journal::{Reply, command};
use crate::support::{FORMAT, LIMIT, Rig, arrangements, in_time, until, write};

/// A call that was not forgotten is answered long before.
const SOON: Duration = Duration::from_secs(5);

/// If one were forgotten between a thread that leaves the seat and one that found it
/// taken, its call would not be answered before the next timer, which is far away.
#[tokio::test]
async fn nobody_is_forgotten_however_many_come_at_once() {
    for threads in arrangements() {
        for clients in [1, 2, 3, 8, 40] {
            let mut rig = Rig::new();
            rig.threads = threads.clone();
            rig.config.raft.heartbeat_interval = LIMIT / 4;
            let (replica, handle) = rig.lead().await;
            let callers: Vec<_> = (0..clients)
                .map(|client| {
                    let handle = handle.clone();
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build();
                    let runtime = runtime.expect("the system has room");
                    thread::spawn(move || {
                        for number in 0..400 / clients {
                            runtime.block_on(async {
                                let text = command(&format!("{client}-{number}"));
                                handle.write(FORMAT, text, SOON).await.expect("in time");
                                handle.read_index(SOON).await.expect("in time");
                            });
                        }
                    })
                })
                .collect();
            for caller in callers {
                let joined = tokio::task::spawn_blocking(move || caller.join()).await;
                joined.expect("it is waited for").expect("each call was answered");
            }
            assert_eq!(rig.texts().len(), 400 / clients * clients, "{threads:?}");
            assert!(matches!(replica.stop().await, Ending::Stopped), "{threads:?}");
        }
    }
}

/// What comes in during a turn finds the seat taken: whoever has it looks again, and
/// hands over to the own thread when it has done its share.
#[tokio::test]
async fn a_turn_that_brings_about_the_next_one_is_followed_by_it() {
    let mut rig = Rig::new();
    let chain = Arc::new(Chain { left: AtomicU64::new(50), handle: OnceLock::new() });
    rig.observer = chain.clone();
    rig.config.raft.heartbeat_interval = LIMIT / 4;
    let (replica, handle) = rig.lead().await;
    chain.handle.set(handle.clone()).unwrap_or_else(|_| panic!("it is set once"));
    let began = Instant::now();
    handle.deliver(refused());
    until("the chain ends", || chain.left.load(Ordering::SeqCst) == 0).await;
    assert!(began.elapsed() < SOON, "it waited for a timer: {:?}", began.elapsed());
    assert!(matches!(replica.stop().await, Ending::Stopped));
}

/// Delivers the next one each time that it hears of one.
struct Chain {
    left: AtomicU64,
    handle: OnceLock<ReplicaHandle<Reply>>,
}

impl Observer for Chain {
    fn notice(&self, notice: &Notice) {
        if matches!(notice, Notice::PeerRefused { .. })
            && self.left.fetch_sub(1, Ordering::SeqCst) > 1
            && let Some(handle) = self.handle.get()
        {
            handle.deliver(refused());
        }
    }
}

fn refused() -> TransportEvent {
    let error = HandshakeError::Cluster { expected: 1, found: 2 };
    TransportEvent::Refused { peer: NodeId(2), by_peer: false, error }
}

/// The thread that brings it about is the transport's or a client's.
#[tokio::test]
async fn a_panic_in_a_turn_ends_the_replica_and_not_who_gave_it() {
    let mut rig = Rig::new();
    rig.observer = Arc::new(Brittle);
    let (replica, handle) = rig.lead().await;
    write(&handle, "before").await.expect("it leads");
    handle.deliver(refused());
    match in_time("it ends", replica.wait()).await {
        Ending::Panicked(message) => assert_eq!(message, "too much for me"),
        other => panic!("it ended otherwise: {other}"),
    }
    // It goes on to take in what comes, and does nothing with it.
    handle.deliver(TransportEvent::PeerGone { peer: NodeId(2), incarnation: Incarnation(1) });
    write(&handle, "after").await.expect_err("nobody leads");
}

struct Brittle;

impl Observer for Brittle {
    fn notice(&self, notice: &Notice) {
        assert!(!matches!(notice, Notice::PeerRefused { .. }), "too much for me");
    }
}
