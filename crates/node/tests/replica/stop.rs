//! A replica is stopped: everybody is answered, and the answers are true.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use balsa::driver::request::RequestError;
use balsa::replica::{CallError, Ending, ReplicaHandle};

use crate::journal::Reply;
use crate::support::{
    LIMIT, Rig, UNKNOWN, arrangements, in_time, until, write, write_while_it_hangs,
};

const CLIENTS: usize = 8;
/// Writes acknowledged before the stop.
const ACKNOWLEDGED: usize = 200;

/// What a client was told before it was told that the node ends.
struct Told {
    acknowledged: Vec<String>,
    last: (String, CallError),
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_answers_everybody_truly() {
    for threads in arrangements() {
        let mut rig = Rig::new();
        rig.threads = threads.clone();
        for life in 0..3 {
            let (replica, handle) = rig.lead().await;
            let count = Arc::new(AtomicUsize::new(0));
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let (handle, count) = (handle.clone(), count.clone());
                    let name = format!("{life}-{client}");
                    tokio::spawn(async move { write_on(&name, &handle, &count).await })
                })
                .collect();
            until("enough is written", || count.load(Ordering::SeqCst) >= ACKNOWLEDGED).await;
            let ending = in_time("it stops", replica.stop()).await;
            assert!(matches!(ending, Ending::Stopped), "{threads:?}: {ending}");
            let mut told = Vec::new();
            for client in clients {
                told.push(in_time("a client is told", client).await.expect("the client lives"));
            }
            drop((replica, handle));
            rig.restart();
            check(&mut rig, &told).await;
        }
    }
}

/// Writes one after the other until that fails.
async fn write_on(name: &str, handle: &ReplicaHandle<Reply>, count: &AtomicUsize) -> Told {
    let mut acknowledged = Vec::new();
    loop {
        let text = format!("{name}-{}", acknowledged.len());
        match write(handle, &text).await {
            Ok((_, reply)) => {
                assert_eq!(reply.text, text, "the reply is that to this command");
                acknowledged.push(text);
                count.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => return Told { acknowledged, last: (text, error) },
        }
    }
}

/// Holds what clients were told against what a later life finds.
async fn check(rig: &mut Rig, told: &[Told]) {
    let (replica, handle) = rig.lead().await;
    in_time("a read", handle.read_index(LIMIT)).await.expect("it leads");
    let texts = rig.texts();
    let times = |text: &String| texts.iter().filter(|found| *found == text).count();
    for Told { acknowledged, last: (text, error) } in told {
        for text in acknowledged {
            assert_eq!(times(text), 1, "{text} was acknowledged");
        }
        match error {
            CallError::Request(RequestError::NotDone(_)) => {
                assert_eq!(times(text), 0, "{text}: {error}");
            }
            CallError::Request(RequestError::Unknown(_)) => assert!(times(text) <= 1, "{text}"),
            CallError::TooMany(_) => panic!("{text}: {error}"),
        }
    }
    assert!(matches!(replica.stop().await, Ending::Stopped));
    drop((replica, handle));
    rig.restart();
}

#[tokio::test]
async fn what_was_applied_is_durable_after_a_stop() {
    let mut rig = Rig::new();
    let (replica, handle) = rig.lead().await;
    write(&handle, "kept").await.expect("it leads");
    assert!(matches!(replica.stop().await, Ending::Stopped));
    drop((replica, handle));
    rig.restart();
    let replica = rig.start();
    assert_eq!(rig.texts(), ["kept"], "the state has it before the log is read");
    replica.stop().await;
}

#[tokio::test]
async fn a_stop_waits_for_a_disk_that_hangs_and_then_answers_everybody() {
    let mut rig = Rig::new();
    let (replica, handle) = rig.lead().await;
    let texts = ["first", "second"].map(str::to_owned);
    let writes = write_while_it_hangs(&rig, &handle, texts).await;
    let stopped = tokio::spawn(async move { replica.stop().await });
    // There is one thread for all tasks here: the stop has begun when it is back.
    tokio::task::yield_now().await;
    assert!(!stopped.is_finished(), "it does not leave the disk alone");
    rig.log_mood.gate.open();
    for write in writes {
        let result = write.await.expect("the client lives");
        assert!(result.is_ok() || result == Err(UNKNOWN), "{result:?}");
    }
    let ending = in_time("it stops", stopped).await.expect("nothing panics");
    assert!(matches!(ending, Ending::Stopped), "{ending}");
}

#[tokio::test]
async fn a_replica_that_is_dropped_ends_and_answers() {
    let mut rig = Rig::new();
    let (replica, handle) = rig.lead().await;
    let writes = write_while_it_hangs(&rig, &handle, ["waits".to_owned()]).await;
    drop(replica);
    rig.log_mood.gate.open();
    for write in writes {
        let result = write.await.expect("the client lives");
        assert!(result.is_ok() || result == Err(UNKNOWN), "{result:?}");
    }
    let late = in_time("late", async {
        while write(&handle, "late").await.is_ok() {}
        write(&handle, "later").await
    });
    assert!(late.await.is_err(), "it takes nothing more");
}
