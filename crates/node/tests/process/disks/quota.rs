//! A state as large as it may be, and how it becomes smaller again.

use std::time::{Duration, Instant};

use bench::client::Connection;
use proto::etcdserverpb::{DeleteRangeRequest, PutRequest, RangeRequest};

use super::{NO_SPACE, until_put_says};
use crate::harness::{Load, ONE_CALL, Town};
use crate::random::Random;

/// How large the state may be, in bytes.
const QUOTA: u64 = 96 << 20;

/// One value, in bytes; of bits that cannot be compressed.
const VALUE_BYTES: usize = 256 << 10;

/// The seed of the values.
const SEED: u64 = 23;

const SIZE: &str = "etcd_mvcc_db_total_size_in_bytes";

/// How long giving all space back may take.
const RECLAIM: Duration = Duration::from_secs(60);

/// Deleting and compacting is all that it takes to put again.
#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_was_reached_is_left_by_deleting_and_compacting() {
    let quota = format!("--quota-backend-bytes={QUOTA}");
    let mut town = Town::start(3, &[&quota]).await;
    let leader = town.wait_leader().await;
    let mut connection = town.connection(leader);
    let said = fill(&mut connection).await;
    assert_eq!(said, NO_SPACE);
    for node in 0..3 {
        until_put_says(&town, node, Some(NO_SPACE)).await;
    }
    delete_and_compact(&mut connection).await;
    until_all_are_small(&town).await;
    for node in 0..3 {
        until_put_says(&town, node, None).await;
    }
    let alarms = connection.alarms(ONE_CALL).await.expect("alarms are told");
    assert_eq!(alarms, [], "they are lifted by themselves");
}

/// An operator asks for it while others write.
#[tokio::test(flavor = "multi_thread")]
async fn space_is_given_back_while_others_write() {
    let mut town = Town::start(3, &[&format!("--quota-backend-bytes={QUOTA}")]).await;
    let leader = town.wait_leader().await;
    let mut connection = town.connection(leader);
    fill(&mut connection).await;
    delete_and_compact(&mut connection).await;
    until_all_are_small(&town).await;
    while !connection.alarms(ONE_CALL).await.expect("alarms are told").is_empty() {
        tokio::task::yield_now().await;
    }
    let load = Load::start("beside", &town.endpoints(), 8);
    load.wait_for(500).await;
    for node in 0..3 {
        let before = load.acknowledged();
        town.connection(node).defragment(RECLAIM).await.expect("it is done");
        load.wait_for_more(500).await;
        println!("{} writes meanwhile", load.acknowledged() - before);
        assert!(town.metric(node, SIZE).await < QUOTA as f64 / 2.0);
    }
    assert_eq!(load.failed(), 0, "nobody is disturbed");
    let record = load.stop().await;
    town.verify(&record).await;
}

/// Waits until no node has much of its quota left to give back.
async fn until_all_are_small(town: &Town) {
    let began = Instant::now();
    for node in 0..3 {
        while town.metric(node, SIZE).await > QUOTA as f64 / 2.0 {
            assert!(began.elapsed() < RECLAIM, "node {node} keeps what was deleted");
            tokio::task::yield_now().await;
        }
    }
}

/// Puts until the node refuses, and tells why.
async fn fill(connection: &mut Connection) -> String {
    let mut random = Random::new(SEED);
    for number in 0.. {
        let value: Vec<u8> =
            (0..VALUE_BYTES / 8).flat_map(|_| random.below(u64::MAX).to_le_bytes()).collect();
        let key = format!("fill/{number:08}");
        let put = PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() };
        if let Err(status) = connection.put(put, ONE_CALL).await {
            return status.message().to_owned();
        }
        assert!(number < QUOTA / VALUE_BYTES as u64, "more than the quota is taken");
    }
    unreachable!("numbers do not end")
}

async fn delete_and_compact(connection: &mut Connection) {
    let (key, range_end) = ("fill/".into(), "fill0".into());
    let delete = DeleteRangeRequest { key, range_end, ..DeleteRangeRequest::default() };
    connection.delete_range(delete, ONE_CALL).await.expect("deletions go on");
    let read = RangeRequest { key: "fill/".into(), ..RangeRequest::default() };
    let read = connection.range(read, ONE_CALL).await.expect("reads go on");
    let revision = read.header.expect("a header").revision;
    connection.compact(revision, ONE_CALL).await.expect("compactions go on");
}
