//! A worker fails or panics: the replica ends, says why, and nobody is left waiting.

use balsa::driver::Fatal;
use balsa::driver::request::{NotDone, RequestError};
use balsa::replica::{CallError, Ending, Replica, ReplicaHandle};
use raft_core::Change;

use crate::journal::Reply;
use crate::support::moody_log::Fate;
use crate::support::moody_machine::{FAIL, PANIC};
use crate::support::{
    LIMIT, Rig, UNKNOWN, arrangements, in_time, until, write, write_while_it_hangs,
};

#[tokio::test]
async fn a_failed_log_write_ends_it_and_every_client_is_told_that_it_cannot_know() {
    let mut rig = Rig::new();
    let (replica, handle) = rig.lead().await;
    let known: Vec<String> = (0..20).map(|number| format!("known {number}")).collect();
    for text in &known {
        write(&handle, text).await.expect("the disk is well");
    }
    let lost = (0..20).map(|number| format!("lost {number}"));
    let writes = write_while_it_hangs(&rig, &handle, lost).await;
    rig.log_mood.set_fate(Fate::Failed);
    rig.log_mood.gate.open();

    for write in writes {
        assert_eq!(write.await.expect("the client lives"), Err(UNKNOWN));
    }
    let ending = ended(&replica, &handle).await;
    assert!(matches!(&ending, Ending::Failed(fatal) if matches!(**fatal, Fatal::Log(_))));
    assert!(ending.to_string().contains("repair the disk"), "{ending}");
    drop((replica, handle));

    rig.restart();
    let (replica, handle) = rig.lead().await;
    in_time("the read", handle.read_index(LIMIT)).await.expect("the disk is well again");
    let texts = rig.texts();
    assert!(texts.starts_with(&known), "all that was acknowledged is there: {texts:?}");
    assert!(matches!(replica.stop().await, Ending::Stopped));
}

#[tokio::test]
async fn a_state_that_cannot_be_written_ends_it() {
    let mut rig = Rig::new();
    let (replica, handle) = rig.lead().await;
    let texts = [FAIL, "behind it"].map(str::to_owned);
    let writes = write_while_it_hangs(&rig, &handle, texts).await;
    rig.log_mood.gate.open();
    for write in writes {
        assert_eq!(write.await.expect("the client lives"), Err(UNKNOWN));
    }
    let ending = ended(&replica, &handle).await;
    assert!(matches!(ending, Ending::Failed(fatal) if matches!(*fatal, Fatal::State(_))));
}

#[tokio::test]
async fn a_panic_of_the_state_machine_ends_it_wherever_it_runs() {
    for threads in arrangements() {
        let mut rig = Rig::new();
        rig.threads = threads.clone();
        let (replica, handle) = rig.lead().await;
        write(&handle, "before").await.expect("nothing is wrong yet");
        let writes: Vec<_> = [PANIC, "behind it", "behind that"]
            .map(|text| {
                let handle = handle.clone();
                tokio::spawn(async move { write(&handle, text).await })
            })
            .into();
        for write in writes {
            let error = write.await.expect("the client lives").expect_err("it came to nothing");
            assert!(is_of_the_end(error), "{threads:?}: {error}");
        }
        let ending = ended(&replica, &handle).await;
        let message =
            matches!(&ending, Ending::Panicked(message) if message.contains("as it was told"));
        assert!(message, "{threads:?}: {ending}");
    }
}

#[tokio::test]
async fn a_panic_of_the_log_ends_it_wherever_it_runs() {
    for threads in arrangements() {
        let mut rig = Rig::new();
        rig.threads = threads.clone();
        let (replica, handle) = rig.lead().await;
        write(&handle, "before").await.expect("nothing is wrong yet");
        rig.log_mood.set_fate(Fate::Panic);
        let error = write(&handle, "lost").await.expect_err("it came to nothing");
        assert_eq!(error, UNKNOWN, "{threads:?}");
        let ending = ended(&replica, &handle).await;
        assert!(matches!(ending, Ending::Panicked(_)), "{threads:?}: {ending}");
    }
}

#[tokio::test]
async fn a_client_that_left_is_no_trouble() {
    let mut rig = Rig::new();
    let (replica, handle) = rig.lead().await;
    let writes = write_while_it_hangs(&rig, &handle, ["left".to_owned()]).await;
    writes.iter().for_each(|write| write.abort());
    rig.log_mood.gate.open();
    until("the permit is back", || handle.waiting() == 0).await;
    write(&handle, "after").await.expect("it goes on");
    assert_eq!(rig.texts(), ["left", "after"], "who leaves has asked all the same");
    assert!(matches!(replica.stop().await, Ending::Stopped));
}

/// Waits for the end. Whatever is asked then is answered, and was not done.
async fn ended(replica: &Replica<Reply>, handle: &ReplicaHandle<Reply>) -> Ending {
    let ending = in_time("it ends", replica.wait()).await;
    let late = CallError::Request(RequestError::NotDone(NotDone::Stopping));
    assert_eq!(write(handle, "late").await, Err(late));
    assert_eq!(in_time("a late read", handle.read_index(LIMIT)).await, Err(late));
    let change = Change::LeaveJoint;
    assert_eq!(in_time("a late change", handle.change_membership(change, LIMIT)).await, Err(late));
    let transferred = handle.transfer_leadership(None, LIMIT);
    assert_eq!(in_time("a late transfer", transferred).await, Err(late));
    ending
}

/// Whether the answer says that the node ended, one way or the other.
fn is_of_the_end(error: CallError) -> bool {
    error == UNKNOWN || error == CallError::Request(RequestError::NotDone(NotDone::Stopping))
}
