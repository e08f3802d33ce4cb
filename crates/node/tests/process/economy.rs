//! What a cluster does not do: sync for each write, ask the leader for each read,
//! lose its leader to a large read.

use std::time::{Duration, Instant};

use bytes::Bytes;
use proto::etcdserverpb::request_op::Request;
use proto::etcdserverpb::{PutRequest, RangeRequest, RequestOp, TxnRequest};
use tokio::task::JoinSet;

use super::harness::{LIMIT, Load, ONE_CALL, Town};

/// How many keys the large reads read.
const MANY_KEYS: usize = 1_000_000;

/// How many keys one transaction writes: etcd's limit.
const KEYS_AT_ONCE: usize = 128;

/// How many transactions are on the way while the keys are written.
const WRITERS: usize = 16;

/// How long the large reads go on.
const READING: Duration = Duration::from_secs(30);

/// Writes that wait together are made durable together.
#[tokio::test(flavor = "multi_thread")]
async fn many_writes_share_a_sync() {
    const SYNCS: &str = "etcd_disk_wal_fsync_duration_seconds_count";
    let mut town = Town::start(3, &[]).await;
    town.wait_leader().await;
    let mut before = Vec::new();
    for node in 0..3 {
        before.push(town.metric(node, SYNCS).await);
    }
    let load = Load::start("shared", &town.endpoints(), 200);
    load.wait_for(20_000).await;
    let record = load.stop().await;
    for (node, before) in before.into_iter().enumerate() {
        let syncs = town.metric(node, SYNCS).await - before;
        assert!(syncs > 0.0, "node {node} counts its syncs");
        let writes = record.acknowledged();
        assert!(syncs * 10.0 < writes as f64, "node {node}: {syncs} syncs of {writes} writes");
    }
    town.verify(&record).await;
}

/// Linearizable reads on a follower cost the leader no read of its store.
#[tokio::test(flavor = "multi_thread")]
async fn followers_read_by_themselves() {
    const RANGES: &str = "etcd_mvcc_range_total";
    let mut town = Town::start(3, &[]).await;
    let leader = town.wait_leader().await;
    let follower = town.others(leader)[0];
    let [leader_before, follower_before] =
        [town.metric(leader, RANGES).await, town.metric(follower, RANGES).await];
    let mut reads = JoinSet::new();
    for _ in 0..100 {
        let mut connection = town.connection(follower);
        let read = RangeRequest { key: "key".into(), ..RangeRequest::default() };
        reads.spawn(async move { connection.range(read, ONE_CALL).await });
    }
    for read in reads.join_all().await {
        read.expect("a follower reads");
    }
    assert_eq!(town.metric(follower, RANGES).await - follower_before, 100.0);
    assert_eq!(town.metric(leader, RANGES).await - leader_before, 0.0, "the leader read too");
}

/// Two clients read a million keys over and over: the leader keeps its office, and
/// writes go on without a failure.
#[tokio::test(flavor = "multi_thread")]
async fn large_reads_disturb_nobody() {
    let mut town = Town::start(3, &[]).await;
    let leader = town.wait_leader().await;
    fill(&town, leader).await;
    let term = town.status(leader).await.expect("the leader answers").raft_term;

    let began = Instant::now();
    let mut readers = JoinSet::new();
    for _ in 0..2 {
        let mut connection = town.connection(leader);
        readers.spawn(async move {
            let mut reads = 0;
            while began.elapsed() < READING {
                let read = RangeRequest {
                    key: "many/".into(),
                    range_end: "many0".into(),
                    ..RangeRequest::default()
                };
                let answer = connection.range(read, LIMIT).await.expect("a large read succeeds");
                assert_eq!(answer.kvs.len(), MANY_KEYS);
                reads += 1;
            }
            reads
        });
    }
    let load = Load::start("meanwhile", &town.endpoints(), 2);
    let reads: usize = readers.join_all().await.into_iter().sum();
    assert!(reads >= 2, "each reader read once at least");
    assert_eq!(load.failed(), 0, "writes go on beside {reads} reads");
    let record = load.stop().await;
    assert!(record.acknowledged() > 0, "there were writes beside {reads} reads");
    let status = town.status(leader).await.expect("the leader answers");
    assert_eq!(status.raft_term, term, "there was an election beside {reads} reads");
    town.verify(&record).await;
}

/// Writes all keys on the leader.
async fn fill(town: &Town, leader: usize) {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let mut connection = town.connection(leader);
        writers.spawn(async move {
            for first in (writer * KEYS_AT_ONCE..MANY_KEYS).step_by(WRITERS * KEYS_AT_ONCE) {
                let numbers = first..MANY_KEYS.min(first + KEYS_AT_ONCE);
                let success = numbers.map(put).collect();
                let txn = TxnRequest { success, ..TxnRequest::default() };
                connection.txn(txn, ONE_CALL).await.expect("the leader writes");
            }
        });
    }
    writers.join_all().await;
}

fn put(number: usize) -> RequestOp {
    let key = Bytes::from(format!("many/{number:07}"));
    let put = PutRequest { key, value: "value".into(), ..PutRequest::default() };
    RequestOp { request: Some(Request::RequestPut(put)) }
}
