//! Whoever has something for the Raft worker may give it its turn.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use balsa::driver::queues::Notice;
use balsa::replica::{Ending, Observer};
use raft_core::{Incarnation, NodeId};
use raft_net::{HandshakeError, TransportEvent};

use crate::journal::command;
use crate::support::{FORMAT, LIMIT, Rig, arrangements, in_time, write};

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

/// The thread that brings it about is the transport's or a client's.
#[tokio::test]
async fn a_panic_in_a_turn_ends_the_replica_and_not_who_gave_it() {
    let mut rig = Rig::new();
    rig.observer = Arc::new(Brittle);
    let (replica, handle) = rig.lead().await;
    write(&handle, "before").await.expect("it leads");
    let error = HandshakeError::Cluster { expected: 1, found: 2 };
    handle.deliver(TransportEvent::Refused { peer: NodeId(2), by_peer: false, error });
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
