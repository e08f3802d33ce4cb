//! A wall clock that jumps: nothing that a cluster decides depends on it.
//!
//! The nodes run with `clocks.c` loaded before all else. A program that is linked
//! statically, as etcd is, loads no such library.

use std::ffi::OsString;
use std::fs;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tonic::Status;

use super::harness::{LIMIT, Load, Town, library};

/// By how many seconds the clock is wrong, one after the other.
const JUMPS: [i64; 4] = [3600, -3600, 86_400 * 365, 0];

/// The longest time without a write. A jump costs nothing; this is for the machine.
const LONGEST_GAP: Duration = Duration::from_millis(500);

/// All clocks jump by an hour, back by two, on by a year, and are right again, and a node
/// starts at each time: the leader stays, and every write is done.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_changes_nothing() {
    let folder = TempDir::with_prefix("balsa-clocks-").expect("a temporary folder");
    let preload = library("tests/process/clocks/clocks.c").into_os_string();
    let env: [(&str, OsString); 2] =
        [("LD_PRELOAD", preload), ("CLOCK_SHIFT", folder.path().as_os_str().to_owned())];
    let mut town = Town::start_with_env(3, &[], &env).await;
    let leader = town.wait_leader().await;
    let [restarted, other] = town.others(leader)[..] else { panic!("three nodes have two others") };
    let endpoints = [leader, other].map(|node| town.endpoints()[node].clone());
    let load = Load::start("clocks", &endpoints, 8);
    load.wait_for(1_000).await;
    let (term, began) = (town.term().await, Instant::now());
    for seconds in JUMPS {
        // Renamed, so that nobody reads half of it.
        let unfinished = folder.path().join("unfinished");
        fs::write(&unfinished, seconds.to_string()).expect("a file can be written");
        fs::rename(&unfinished, folder.path().join("seconds")).expect("a file can be renamed");
        load.wait_for_more(1_000).await;
        town.kill_node(restarted);
        town.start_node(restarted).await;
        load.wait_for_more(1_000).await;
        if seconds != 0 {
            let pid = town.process(restarted).pid().expect("it runs").to_string();
            let seen = folder.path().join(pid);
            let told = async |_: &_| Ok::<_, Status>(seen.exists().then_some(()));
            town.until("a node has read the wrong clock", LIMIT, told).await.expect("it has");
        }
        assert_eq!(town.term().await, term, "there was an election at {seconds} s");
    }
    let gap = load.longest_gap(began);
    println!("longest gap {gap:?}");
    assert_eq!(load.failed(), 0, "all writes are done");
    assert!(gap < LONGEST_GAP, "no write was acknowledged for {gap:?}");
    let record = load.stop().await;
    town.verify(&record).await;
}
