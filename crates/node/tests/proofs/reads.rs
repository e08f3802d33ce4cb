//! Reads that come at once share their questions to the leader.

use proto::etcdserverpb::RangeRequest;
use tokio::task::JoinSet;

use super::harness::{ONE_CALL, Town};

/// How many reads there are.
const READS: usize = 100;

/// How many rounds they may cost.
const ROUNDS: f64 = 20.0;

/// Counts the leader's rounds of heartbeats for reads.
const READ_ROUNDS: &str = "balsa_read_index_rounds_total";

/// Counts the ranges that a node answers.
const RANGES: &str = "etcd_mvcc_range_total";

/// A hundred linearizable reads at once on a follower share few rounds, and the
/// leader reads nothing. One after the other they have a round each, so the rounds
/// are really counted.
#[tokio::test(flavor = "multi_thread")]
async fn reads_at_once_on_a_follower_share_rounds() {
    let mut town = Town::start(3, &[]).await;
    let leader = town.wait_leader().await;
    let follower = town.others(leader)[0];
    let before = town.metric(leader, READ_ROUNDS).await;
    let ranges_before = town.metric(leader, RANGES).await;

    let mut reads = JoinSet::new();
    for _ in 0..READS {
        let mut connection = town.connection(follower);
        reads.spawn(async move { connection.range(get(), ONE_CALL).await });
    }
    for read in reads.join_all().await {
        read.expect("a follower reads");
    }
    let at_once = town.metric(leader, READ_ROUNDS).await - before;
    let leaders_ranges = town.metric(leader, RANGES).await - ranges_before;

    let mut connection = town.connection(follower);
    for _ in 0..READS {
        connection.range(get(), ONE_CALL).await.expect("a follower reads");
    }
    let in_turn = town.metric(leader, READ_ROUNDS).await - before - at_once;
    println!(
        "{READS} linearizable reads on a follower: {at_once} rounds at once, {in_turn} one after \
         the other; the leader answered {leaders_ranges} ranges"
    );
    assert!((1.0..ROUNDS).contains(&at_once), "{READS} reads at once took {at_once} rounds");
    assert!(in_turn >= READS as f64, "reads in turn took {in_turn} rounds: they are not counted");
    assert_eq!(leaders_ranges, 0.0, "the leader's store was read");
}

fn get() -> RangeRequest {
    RangeRequest { key: "key".into(), ..RangeRequest::default() }
}
