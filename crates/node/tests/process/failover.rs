//! How long nobody can write when the leader goes, in whatever way it goes.

use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::durability::preload;
use super::harness::{LIMIT, Load, Network, Town};

/// How often the leader is killed in one test, and how often it is stopped.
const KILLS: usize = 50;
const STOPS: usize = 10;

/// How often the leader is lost without a word.
const LOSSES: usize = 3;

/// The longest that a client waits for one write.
const CLIENTS_PATIENCE: Duration = Duration::from_millis(300);

/// After a kill: what no time without a write may reach, and the one in the middle.
const LONGEST: Duration = Duration::from_millis(500);
const MEDIAN: Duration = Duration::from_millis(200);

/// The same after an orderly stop, after a silent loss, and when the disk hangs.
const STOPPED: Duration = Duration::from_millis(100);
const SILENT: Duration = Duration::from_secs(2);
const FROZEN: Duration = Duration::from_secs(3);

/// How long a follower cannot reach the leader.
const REFUSED: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn of_three_the_leader_is_killed_and_others_write_on() {
    kill_leaders(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_five_the_leader_is_killed_and_others_write_on() {
    kill_leaders(5).await;
}

/// Kills whoever leads, again and again, and every second one comes back at once.
async fn kill_leaders(nodes: usize) {
    let (mut town, load) = loaded(nodes, &[]).await;
    let mut gaps = Vec::new();
    for kill in 0..KILLS {
        let leader = town.wait_leader().await;
        let began = Instant::now();
        town.kill_node(leader);
        if kill % 2 == 0 {
            town.process(leader).start().expect("the node starts");
        }
        load.wait_for_more(300).await;
        gaps.push(load.longest_gap(began));
        town.start_all().await;
        load.wait_for_more(100).await;
    }
    gaps.sort_unstable();
    println!("{nodes} nodes, {KILLS} leaders killed; without a write for {gaps:?}");
    let record = load.stop().await;
    town.verify(&record).await;
    assert!(gaps[KILLS - 1] < LONGEST, "once nobody could write for {:?}", gaps[KILLS - 1]);
    assert!(gaps[KILLS / 2] < MEDIAN, "half of them took {:?} or longer", gaps[KILLS / 2]);
}

/// A leader that is told to stop has handed over before it goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stops_is_not_missed() {
    let (mut town, load) = loaded(3, &[]).await;
    let mut gaps = Vec::new();
    for _ in 0..STOPS {
        let leader = town.wait_leader().await;
        let began = Instant::now();
        let status = town.process(leader).stop(LIMIT).expect("it stops");
        assert!(status.success(), "{status}");
        load.wait_for_more(300).await;
        gaps.push(load.longest_gap(began));
        town.start_all().await;
        load.wait_for_more(100).await;
    }
    gaps.sort_unstable();
    println!("{STOPS} leaders stopped; without a write for {gaps:?}");
    let record = load.stop().await;
    town.verify(&record).await;
    assert!(gaps[STOPS - 1] < STOPPED, "once nobody could write for {:?}", gaps[STOPS - 1]);
}

/// A leader that hangs, or that nobody can reach any more, says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_falls_silent_is_replaced() {
    let (mut town, load) = loaded(3, &[]).await;
    let network = Network::between(&mut town).await;
    let mut gaps = Vec::new();
    for _ in 0..LOSSES {
        let leader = town.wait_leader().await;
        let began = Instant::now();
        town.process(leader).pause().expect("it can be halted");
        load.wait_for_more(300).await;
        gaps.push(load.longest_gap(began));
        town.process(leader).resume().expect("it goes on");
        town.start_all().await;

        let leader = town.wait_leader().await;
        let began = Instant::now();
        network.part(&[leader]);
        load.wait_for_more(300).await;
        gaps.push(load.longest_gap(began));
        network.heal();
        town.start_all().await;
    }
    println!("leaders halted and cut off, in turn; without a write for {gaps:?}");
    let record = load.stop().await;
    town.verify(&record).await;
    let longest = gaps.into_iter().max().expect("there are some");
    assert!(longest < SILENT, "once nobody could write for {longest:?}");
}

/// A follower that cannot reach the leader is not a reason for an election: the
/// others hear of it, and it hears the leader.
#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_is_refused_disturbs_nobody() {
    let mut town = Town::start(3, &[]).await;
    let mut network = Network::between(&mut town).await;
    let leader = town.wait_leader().await;
    let follower = town.others(leader)[0];
    let endpoints = [leader, town.others(leader)[1]].map(|node| town.endpoints()[node].clone());
    let load = Load::start("refused", &endpoints, 8);
    load.wait_for(1_000).await;
    let term = town.status(leader).await.expect("the leader answers").raft_term;
    network.refuse(follower, leader);
    let began = Instant::now();
    while began.elapsed() < REFUSED {
        load.wait_for_more(500).await;
        let status = town.status(leader).await.expect("the leader answers");
        assert_eq!(status.raft_term, term, "there was an election after {:?}", began.elapsed());
    }
    assert_eq!(load.failed(), 0, "all writes are done");
    network.admit(leader).await;
    let record = load.stop().await;
    town.verify(&record).await;
}

/// A leader whose disk hangs makes room for one whose disk does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_with_a_frozen_disk_is_replaced() {
    let freezer = TempDir::with_prefix("balsa-freezer-").expect("a temporary folder");
    let env = [preload(), ("SYNC_FREEZE", freezer.path().as_os_str().to_owned())];
    let mut town = Town::start_with_env(3, &[], &env).await;
    let load = Load::start_with_limit("frozen", &town.endpoints(), 8, CLIENTS_PATIENCE);
    load.wait_for(1_000).await;
    let leader = town.wait_leader().await;
    let process = town.process(leader).pid().expect("it runs").to_string();
    let began = Instant::now();
    std::fs::write(freezer.path().join(&process), "").expect("a file can be made");
    town.wait_other_leader(leader).await;
    load.wait_for_more(500).await;
    let gap = load.longest_gap(began);
    println!(
        "the leader's disk hangs; without a write for {gap:?}, all else took {:?}",
        began.elapsed()
    );
    std::fs::remove_file(freezer.path().join(&process)).expect("it was there");
    load.wait_for_more(500).await;
    let record = load.stop().await;
    town.verify(&record).await;
    assert!(gap < FROZEN, "nobody could write for {gap:?}");
}

/// A cluster under the load of eight clients that are spread over all nodes.
async fn loaded(nodes: usize, args: &[&str]) -> (Town, Load) {
    let town = Town::start(nodes, args).await;
    let load = Load::start_with_limit("failover", &town.endpoints(), 8, CLIENTS_PATIENCE);
    load.wait_for(1_000).await;
    (town, load)
}
