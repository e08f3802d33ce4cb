//! Workers share threads as one likes.

use std::time::Duration;

use balsa::driver::Worker;
use balsa::replica::{Ending, Threads};
use raft_core::RoleName;

use crate::support::{LIMIT, Rig, arrangements, in_time, until, write};

#[tokio::test]
async fn a_replica_works_on_any_arrangement_of_threads() {
    for threads in arrangements() {
        let mut rig = Rig::new();
        rig.threads = threads.clone();
        let mut written = Vec::new();
        for life in 0..3 {
            let (replica, handle) = rig.lead().await;
            for number in 0..40 {
                let text = format!("{life}-{number}");
                let (position, reply) = write(&handle, &text).await.expect("it leads");
                assert_eq!(reply.text, text, "{threads:?}");
                written.push(text);
                let read = in_time("the read", handle.read_index(LIMIT)).await.expect("it leads");
                assert!(read >= position.index, "{threads:?}: a read shows what was written");
                assert_eq!(rig.texts(), written, "{threads:?}");
            }
            assert!(matches!(replica.stop().await, Ending::Stopped), "{threads:?}");
            drop((replica, handle));
            rig.restart();
        }
    }
}

#[tokio::test]
async fn a_quiet_log_gets_its_moment_on_any_arrangement_of_threads() {
    for threads in arrangements() {
        let mut rig = Rig::new();
        rig.threads = threads;
        let (replica, handle) = rig.lead().await;
        for round in 0..3 {
            let before = rig.log_mood.idles();
            write(&handle, &format!("{round}")).await.expect("it leads");
            until("the log hears that nothing comes", || rig.log_mood.idles() > before).await;
        }
        replica.stop().await;
    }
}

/// Why Raft and log have threads of their own by default: the one sees that the other
/// does not come back.
#[tokio::test]
async fn a_leader_whose_disk_hangs_steps_down_and_leads_again_when_it_is_well() {
    let mut rig = Rig::new();
    rig.config.raft.election_timeout = Duration::from_millis(200);
    let (replica, handle) = rig.lead().await;
    rig.log_mood.gate.close();
    let writer = handle.clone();
    let write = tokio::spawn(async move { write(&writer, "hangs").await });
    let mut office = handle.office();
    let steps_down = office.wait_for(|office| office.role != RoleName::Leader);
    in_time("it steps down", steps_down).await.expect("it runs");
    rig.log_mood.gate.open();
    let leads = office.wait_for(|office| office.role == RoleName::Leader);
    in_time("it leads again", leads).await.expect("it runs");
    // Nobody else led, so nothing took the place of the entry.
    write.await.expect("the client lives").expect("the write is done after all");
    assert!(matches!(replica.stop().await, Ending::Stopped));
}

#[test]
fn each_worker_needs_exactly_one_thread() {
    assert!(arrangements().iter().all(Threads::is_complete));
    let none_for_fetch = vec![vec![Worker::Raft, Worker::Log], vec![Worker::Apply]];
    assert!(!Threads(none_for_fetch).is_complete());
    let mut two_for_raft = Threads::default();
    two_for_raft.0.push(vec![Worker::Raft]);
    assert!(!two_for_raft.is_complete());
}
