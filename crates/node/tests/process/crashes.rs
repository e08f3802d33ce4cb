//! `kill -9`: what was acknowledged stays.

use proto::etcdserverpb::RangeRequest;

use super::harness::{LIMIT, Load, ONE_CALL, Town};

/// The leader dies under load: another takes over, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn the_leader_is_killed_under_load() {
    let mut town = Town::start(3, &[]).await;
    let load = Load::start("killed", &town.endpoints(), 8);
    load.wait_for(10_000).await;
    let leader = town.wait_leader().await;
    town.kill_node(leader);
    load.wait_for_more(10_000).await;
    let next = town.wait_leader().await;
    assert_ne!(next, leader, "a dead node does not lead");
    town.start_node(leader).await;
    let record = load.stop().await;
    assert!(record.acknowledged() >= 20_000, "{} writes", record.acknowledged());
    town.verify(&record).await;
}

/// All nodes die at the same moment under load, three times.
#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_are_killed_at_once() {
    let mut town = Town::start(3, &[]).await;
    let load = Load::start("all", &town.endpoints(), 8);
    for _ in 0..3 {
        load.wait_for_more(5_000).await;
        town.kill().expect("all can be killed");
        town.start_all().await;
    }
    load.wait_for_more(5_000).await;
    let record = load.stop().await;
    assert!(record.acknowledged() >= 20_000, "{} writes", record.acknowledged());
    town.verify(&record).await;
}

/// A node that comes back alone shows what it knows to be done, though nobody leads.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_alone_shows_what_is_done() {
    let mut town = Town::start(3, &[]).await;
    let load = Load::start("alone", &town.endpoints(), 8);
    load.wait_for(5_000).await;
    let record = load.stop().await;
    let range = RangeRequest {
        key: "load/".into(),
        range_end: "load0".into(),
        count_only: true,
        serializable: true,
        ..RangeRequest::default()
    };
    town.kill().expect("all can be killed");
    town.process(0).start().expect("the node starts");
    let mut connection = town.connection(0);
    // What was done last may have been noted by others only.
    let most = record.acknowledged() as i64 - 100;
    town.until("what is done", LIMIT, async |_| {
        let answer = connection.range(range.clone(), ONE_CALL).await?;
        Ok((answer.count >= most).then_some(()))
    })
    .await
    .expect("it is shown");
    town.start_all().await;
    town.verify(&record).await;
}

/// Whoever leads is killed and started again, ten times, under 16 clients.
#[tokio::test(flavor = "multi_thread")]
async fn ten_leaders_are_killed() {
    let mut town = Town::start(3, &[]).await;
    let load = Load::start("ten", &town.endpoints(), 16);
    for _ in 0..10 {
        load.wait_for_more(2_000).await;
        let leader = town.wait_leader().await;
        town.kill_node(leader);
        // The two that are left go on, before the third comes back.
        load.wait_for_more(500).await;
        town.start_node(leader).await;
    }
    let record = load.stop().await;
    assert!(record.acknowledged() >= 20_000, "{} writes", record.acknowledged());
    town.verify(&record).await;
}

/// A leader that hangs is replaced; when it goes on it follows, and what it had
/// not yet shared is not in the way.
#[tokio::test(flavor = "multi_thread")]
async fn the_leader_hangs_and_goes_on() {
    let mut town = Town::start(3, &[]).await;
    let load = Load::start("hangs", &town.endpoints(), 8);
    load.wait_for(2_000).await;
    let leader = town.wait_leader().await;
    town.process(leader).pause().expect("the leader can be halted");
    town.wait_other_leader(leader).await;
    load.wait_for_more(2_000).await;
    town.process(leader).resume().expect("the old leader goes on");
    load.wait_for_more(2_000).await;
    let record = load.stop().await;
    town.verify(&record).await;
}
