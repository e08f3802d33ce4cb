//! A leader that is told to stop, and a member whose disk was wiped.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::harness::{LIMIT, Load, Town};

/// How long a leader may take to stop under load.
const STOP: Duration = Duration::from_secs(3);

/// The election timeout: without a handover nobody would lead for at least as long.
const ELECTION_TIMEOUT: Duration = Duration::from_secs(1);

/// How often it is looked whether writes go on.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// SIGTERM under load: the leader hands over, ends with 0 and soon, and writes pause
/// for less than an election would take.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_leader_hands_over() {
    let mut town = Town::start(3, &[]).await;
    let leader = town.wait_leader().await;
    let load = Load::start("stopped", &town.endpoints(), 8);
    load.wait_for(1_000).await;

    let is_over = AtomicBool::new(false);
    let (took, status, gap) = thread::scope(|scope| {
        let watched = scope.spawn(|| longest_gap(&load, &is_over));
        let began = Instant::now();
        let status = town.process(leader).stop(LIMIT);
        let took = began.elapsed();
        is_over.store(true, Ordering::Relaxed);
        (took, status.expect("it stops"), watched.join().expect("watching does not fail"))
    });
    let next = town.wait_leader().await;
    load.wait_for_more(1_000).await;
    let failed = load.failed();
    println!(
        "SIGTERM of the leader under 8 clients: ended with {status} after {took:?}; no write was \
         acknowledged for {gap:?} at most; {failed} writes failed"
    );
    assert!(status.success(), "it ended with {status}");
    assert!(took <= STOP, "it took {took:?} to stop");
    assert!(gap < ELECTION_TIMEOUT, "writes stood still for {gap:?}");
    assert_ne!(next, leader, "a stopped node does not lead");
    let log = fs::read_to_string(&town.process(leader).spec().log).expect("it has a log");
    assert!(log.contains("leadership handed over"), "it handed over:\n{log}");

    town.start_node(leader).await;
    let record = load.stop().await;
    town.verify(&record).await;
}

/// A member whose folder was emptied is refused by name, and the others go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_member_is_refused() {
    let mut town = Town::start(3, &[]).await;
    let leader = town.wait_leader().await;
    let wiped = town.others(leader)[0];
    folders_are_recorded(&mut town, leader).await;
    let endpoints: Vec<String> =
        town.others(wiped).into_iter().map(|node| town.endpoints().swap_remove(node)).collect();
    let load = Load::start("wiped", &endpoints, 4);
    load.wait_for(200).await;
    town.kill_node(wiped);
    let folder = town.folder().join(format!("n{}", wiped + 1));
    fs::remove_dir_all(&folder).expect("its folder can be removed");

    let node = town.process(wiped);
    node.start().expect("the program starts");
    let status = node.wait(LIMIT).expect("and ends by itself");
    let log = node.log_end();
    assert_eq!(status.code(), Some(1), "{log}");
    for words in ["was in the cluster before with the data folder", "bring the old folder back"] {
        assert!(log.contains(words), "{words:?} is not in\n{log}");
    }
    load.wait_for_more(200).await;
    let record = load.stop().await;
    assert_eq!(record.unknown(), 0, "two of three nodes are enough");
    println!("a wiped member was refused while the others took {} writes", record.acknowledged());
}

/// Waits until the members' folders are known to the cluster, which is what the first
/// change of the membership says.
async fn folders_are_recorded(town: &mut Town, leader: usize) {
    let log = town.process(leader).spec().log.clone();
    town.until("the record of the folders", LIMIT, async |_| {
        let text = fs::read_to_string(&log).expect("the leader has a log");
        Ok(text.contains("membership changed").then_some(()))
    })
    .await
    .expect("a leader records whose folder is whose");
}

/// The longest time in which nothing was acknowledged, until a while after it is over.
fn longest_gap(load: &Load, is_over: &AtomicBool) -> Duration {
    let (mut seen, mut at, mut longest) = (load.acknowledged(), Instant::now(), Duration::ZERO);
    let mut ended: Option<Instant> = None;
    while ended.is_none_or(|ended| ended.elapsed() < ELECTION_TIMEOUT) {
        if ended.is_none() && is_over.load(Ordering::Relaxed) {
            ended = Some(Instant::now());
        }
        longest = longest.max(at.elapsed());
        let now = load.acknowledged();
        if now != seen {
            (seen, at) = (now, Instant::now());
        }
        thread::sleep(LOOK_AGAIN);
    }
    longest
}
