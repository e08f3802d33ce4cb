//! Who is let in, and until when they wait.

use std::time::{Duration, Instant};

use balsa::driver::request::{NotDone, RequestError, Unknown};
use balsa::replica::{CallError, Ending};

use crate::journal::command;
use crate::support::{FORMAT, LIMIT, Rig, in_time, until, write, write_while_it_hangs};

const PLACES: u64 = 4;
const ROUNDS: u64 = 1_000;

#[tokio::test]
async fn a_full_desk_refuses_and_every_permit_comes_back() {
    let mut rig = Rig::new();
    rig.config.limits.admitted_requests = PLACES;
    let (replica, handle) = rig.lead().await;
    for round in 0..ROUNDS {
        let texts = (0..PLACES).map(|place| format!("{round}-{place}"));
        let mut writes = write_while_it_hangs(&rig, &handle, texts).await;
        assert_eq!(handle.waiting(), PLACES, "round {round}");
        match write(&handle, "one too many").await {
            Err(CallError::TooMany(refused)) => assert_eq!(refused.requests, PLACES),
            other => panic!("round {round}: the desk is full, but {other:?}"),
        }
        let refused = in_time("a refusal", handle.read_index(LIMIT)).await;
        assert!(matches!(refused, Err(CallError::TooMany(_))), "round {round}: {refused:?}");
        // One client does not wait for its answer; it is let go all the same.
        let left = writes.remove((round % PLACES) as usize);
        left.abort();
        rig.log_mood.gate.open();
        for write in writes {
            write.await.expect("the client lives").expect("the write is done");
        }
        until("the one that left is let go", || handle.waiting() == 0).await;
    }
    let texts = rig.texts();
    assert_eq!(texts.len() as u64, PLACES * ROUNDS, "all that were let in, and nobody else");
    assert!(matches!(replica.stop().await, Ending::Stopped));
}

#[tokio::test]
async fn a_deadline_is_kept_while_the_disk_hangs() {
    let mut rig = Rig::new();
    let (replica, handle) = rig.lead().await;
    rig.log_mood.gate.close();
    let timeout = Duration::from_millis(150);
    let began = Instant::now();
    let late = in_time("the write", handle.write(FORMAT, command("late"), timeout)).await;
    let took = began.elapsed();
    let unknown = CallError::Request(RequestError::Unknown(Unknown::TimedOut));
    assert_eq!(late, Err(unknown), "the disk may yet do it");
    assert!(took >= timeout, "it was told before its time, after {took:?}");
    assert!(took < LIMIT / 4, "it waited for the disk: {took:?}");
    assert_eq!(handle.waiting(), 0, "its permit is back");

    rig.log_mood.gate.open();
    write(&handle, "after").await.expect("the disk goes on");
    assert_eq!(rig.texts(), ["late", "after"], "it was done after all");
    assert!(matches!(replica.stop().await, Ending::Stopped));
}

#[tokio::test]
async fn without_a_leader_every_call_is_answered_by_its_deadline() {
    let mut rig = Rig::with_voters(3);
    let replica = rig.start();
    let handle = replica.handle();
    let timeout = Duration::from_millis(100);
    let began = Instant::now();
    let write = in_time("the write", handle.write(FORMAT, command("a"), timeout)).await;
    let read = in_time("the read", handle.read_index(timeout)).await;
    assert!(began.elapsed() < LIMIT / 4, "it took {:?}", began.elapsed());
    for error in [write.map(drop).unwrap_err(), read.map(drop).unwrap_err()] {
        let expected = matches!(
            error,
            CallError::Request(RequestError::NotDone(NotDone::NoLeader | NotDone::TimedOut))
        );
        assert!(expected, "nobody leads, so nothing was done: {error}");
    }
    assert_eq!(handle.waiting(), 0);
    assert!(matches!(replica.stop().await, Ending::Stopped));
}
