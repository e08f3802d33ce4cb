//! Networks that are sick and not dead: slow, flapping, and damaging what they carry.
//!
//! As long as a majority can talk there is no reason for an election, and each of these
//! tests counts the terms.

use std::time::{Duration, Instant};

use super::harness::{Load, Network, Town, Way};
use super::random::Random;

/// How long one way takes where it is slow, and how much it carries in a second.
const DELAY: Duration = Duration::from_millis(150);
const BYTES_PER_SECOND: u64 = 200_000;

/// How long a network is sick.
const SICK: Duration = Duration::from_secs(20);

/// The shortest time for which a link that flaps is there or gone, and how much longer it
/// may be: sometimes longer than an election timeout.
const FLAP: Duration = Duration::from_millis(100);
const FLAP_MORE_MS: u64 = 1_400;

/// One of so many pieces that pass is damaged.
const FLIPS_ONE_IN: u64 = 200;

/// How many messages are found to be damaged at least.
const DAMAGED: f64 = 20.0;

/// A follower at the end of a slow and narrow line holds nobody up, and catches up once
/// the line is as the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_follower_on_a_slow_line_holds_nobody_up() {
    let mut town = Town::start(3, &[]).await;
    let network = Network::between(&mut town).await;
    let leader = town.wait_leader().await;
    let [slow, other] = town.others(leader)[..] else { panic!("three nodes have two others") };
    let endpoints = [leader, other].map(|node| town.endpoints()[node].clone());
    let load = Load::start("slow", &endpoints, 8);
    load.wait_for(1_000).await;
    let term = town.term().await;
    let line = Way { delay: DELAY, bytes_per_second: Some(BYTES_PER_SECOND), ..Way::default() };
    for peer in [leader, other] {
        network.set_both(slow, peer, line);
    }
    let (began, before) = (Instant::now(), load.acknowledged());
    while began.elapsed() < SICK {
        load.wait_for_more(500).await;
        assert_eq!(town.term().await, term, "there was an election after {:?}", began.elapsed());
    }
    println!("{} writes in {:?}", load.acknowledged() - before, began.elapsed());
    network.heal();
    assert_eq!(load.failed(), 0, "all writes are done");
    let record = load.stop().await;
    town.verify(&record).await;
}

/// All lines of the leader are slow: so are writes, but the leader stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_on_a_slow_line_stays() {
    let mut town = Town::start(3, &[]).await;
    let network = Network::between(&mut town).await;
    let leader = town.wait_leader().await;
    let load = Load::start("far", &town.endpoints(), 8);
    load.wait_for(1_000).await;
    let term = town.term().await;
    for other in town.others(leader) {
        network.set_both(leader, other, Way { delay: DELAY, ..Way::default() });
    }
    let began = Instant::now();
    while began.elapsed() < SICK {
        load.wait_for_more(20).await;
        assert_eq!(town.term().await, term, "there was an election after {:?}", began.elapsed());
    }
    network.heal();
    load.wait_for_more(1_000).await;
    assert_eq!(load.failed(), 0, "all writes are done");
    let record = load.stop().await;
    town.verify(&record).await;
}

/// The line between the leader and a follower comes and goes, now stalling and now
/// breaking: whoever can talk to the leader goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_flaps_changes_no_leader() {
    let seed = 23;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut town = Town::start(3, &[]).await;
    let network = Network::between(&mut town).await;
    let leader = town.wait_leader().await;
    let [flapping, other] = town.others(leader)[..] else { panic!("three nodes have two others") };
    let endpoints = [leader, other].map(|node| town.endpoints()[node].clone());
    let load = Load::start("flapping", &endpoints, 8);
    load.wait_for(1_000).await;
    let term = town.term().await;
    let (began, mut flaps) = (Instant::now(), 0);
    while began.elapsed() < SICK {
        network.set_both(leader, flapping, Way { is_cut: true, ..Way::default() });
        flap(&mut random).await;
        if random.one_in(2) {
            network.disconnect(leader, flapping);
        }
        network.heal();
        flap(&mut random).await;
        flaps += 1;
        load.wait_for_more(100).await;
        assert_eq!(town.term().await, term, "there was an election after {flaps} flaps");
    }
    println!("{flaps} flaps");
    assert_eq!(load.failed(), 0, "all writes are done");
    let record = load.stop().await;
    town.verify(&record).await;
}

async fn flap(random: &mut Random) {
    tokio::time::sleep(FLAP + Duration::from_millis(random.below(FLAP_MORE_MS))).await;
}

/// Bits flip on all lines: what is damaged is found, counted and sent again, and in the
/// end all nodes hold the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_flips_bits_changes_no_data() {
    let mut town = Town::start(3, &[]).await;
    let network = Network::between(&mut town).await;
    town.wait_leader().await;
    let limit = Duration::from_secs(2);
    let load = Load::start_with_limit("damaged", &town.endpoints(), 8, limit);
    load.wait_for(1_000).await;
    let line = Way { flips_one_in: Some(FLIPS_ONE_IN), ..Way::default() };
    for node in 0..town.size() {
        for other in town.others(node) {
            network.set(node, other, line);
        }
    }
    let mut damaged = 0.0;
    while damaged < DAMAGED {
        load.wait_for_more(200).await;
        damaged = 0.0;
        for node in 0..town.size() {
            damaged += town.metric(node, "balsa_peer_messages_damaged_total").await;
        }
    }
    network.heal();
    load.wait_for_more(1_000).await;
    println!("{damaged} damaged, {} writes failed", load.failed());
    let record = load.stop().await;
    town.verify(&record).await;
}
