//! What a checkpoint of a large store costs those who write meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use proto::etcdserverpb::request_op::Request;
use proto::etcdserverpb::{PutRequest, RequestOp, TxnRequest};
use tokio::task::JoinSet;

use super::harness::{LIMIT, ONE_CALL, Town};

/// How many transactions fill the store, of [`KEYS_AT_ONCE`] keys each.
const FILLING: u64 = 2_048;

/// etcd's limit.
const KEYS_AT_ONCE: u64 = 128;

/// One value, in bytes: 2,048 × 128 × 4 KiB are 1 GiB.
const VALUE_BYTES: usize = 4 << 10;

/// How many clients write while the checkpoint is taken.
const CLIENTS: u64 = 8;

/// How many entries come between two checkpoints, unless they are large: those before
/// the one that is measured are what it is compared with.
const COMPARED: &str = "40000";

/// How far around the moment of the snapshot's completion its cost is looked for.
const AROUND: Duration = Duration::from_secs(2);

/// How long there was none before the checkpoint that is measured, at least.
const QUIET: Duration = Duration::from_secs(5);

/// How often it is looked whether one was taken.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// By how much the p99 may rise.
const FACTOR: f64 = 2.0;

/// Counts the snapshots that a node has taken.
const TAKEN: &str = "balsa_snapshots_taken_total";

/// The p99 of writes around the checkpoint of a 1 GB store is at most twice that of
/// the seconds before.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes some 7 GB, and its figure is worth something on a quiet machine only: --ignored"]
async fn a_checkpoint_costs_writers_little() {
    let mut town = Town::start(3, &["--snapshot-count", COMPARED]).await;
    let leader = town.wait_leader().await;
    fill(&town, leader).await;
    let stops = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(write(town.connection(leader), client, stops.clone()));
    }
    let (quiet_since, taken) = next_checkpoint(&town, leader).await;
    tokio::time::sleep(AROUND).await;
    stops.store(true, Ordering::Relaxed);
    let mut calls = clients.join_all().await.concat();

    calls.retain(|call| call.began >= quiet_since);
    let is_around = |call: &Call| call.began + call.took + AROUND >= taken;
    let (around, before): (Vec<Call>, Vec<Call>) = calls.into_iter().partition(is_around);
    let bytes = town.status(leader).await.expect("the leader answers").db_size;
    let (count_before, count_around) = (before.len(), around.len());
    let (p99_before, p99_around) = (p99(before), p99(around));
    println!(
        "a store of {} MB: p99 of {count_before} writes before the checkpoint {p99_before:?}, of \
         {count_around} writes around it {p99_around:?}",
        bytes / 1_000_000
    );
    assert!(bytes >= 1_000_000_000, "the store has {bytes} bytes only");
    assert!(p99_around <= p99_before.mul_f64(FACTOR), "it rose from {p99_before:?}");
}

/// Waits for a checkpoint before which there was none for a while: filling the store
/// makes the log so large that it asks for some by itself. Returns since when there
/// was none, and when this one was complete.
async fn next_checkpoint(town: &Town, leader: usize) -> (Instant, Instant) {
    let began = Instant::now();
    let (mut count, mut quiet_since) = (town.metric(leader, TAKEN).await, began + AROUND);
    loop {
        assert!(began.elapsed() < LIMIT, "no snapshot was taken in {LIMIT:?}");
        tokio::time::sleep(LOOK_AGAIN).await;
        let taken = town.metric(leader, TAKEN).await;
        if taken == count {
            continue;
        }
        if quiet_since.elapsed() >= QUIET {
            return (quiet_since, Instant::now());
        }
        (count, quiet_since) = (taken, Instant::now() + AROUND);
    }
}

/// A write that was acknowledged.
#[derive(Clone, Copy)]
struct Call {
    began: Instant,
    took: Duration,
}

async fn write(
    mut connection: bench::client::Connection,
    client: u64,
    stops: Arc<AtomicBool>,
) -> Vec<Call> {
    let mut calls = Vec::new();
    while !stops.load(Ordering::Relaxed) {
        let key = format!("written/{client}/{}", calls.len()).into();
        let put = PutRequest { key, value: vec![b'v'; 256].into(), ..PutRequest::default() };
        let began = Instant::now();
        connection.put(put, ONE_CALL).await.expect("the leader writes");
        calls.push(Call { began, took: began.elapsed() });
    }
    calls
}

/// The time that 99 of 100 calls kept.
fn p99(mut calls: Vec<Call>) -> Duration {
    assert!(calls.len() >= 1_000, "{} calls are too few for a p99", calls.len());
    calls.sort_unstable_by_key(|call| call.took);
    calls[calls.len() * 99 / 100].took
}

async fn fill(town: &Town, leader: usize) {
    let next = Arc::new(AtomicU64::new(0));
    let mut writers = JoinSet::new();
    for _ in 0..CLIENTS {
        let (mut connection, next) = (town.connection(leader), next.clone());
        writers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= FILLING {
                    return;
                }
                let keys = number * KEYS_AT_ONCE..(number + 1) * KEYS_AT_ONCE;
                let txn =
                    TxnRequest { success: keys.map(filling).collect(), ..TxnRequest::default() };
                connection.txn(txn, ONE_CALL).await.expect("the leader writes");
            }
        });
    }
    writers.join_all().await;
}

/// A value that does not compress away: a sequence as if at random, from its number.
fn filling(number: u64) -> RequestOp {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut value = Vec::with_capacity(VALUE_BYTES);
    while value.len() < VALUE_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        value.extend_from_slice(&state.to_le_bytes());
    }
    let key = Bytes::from(format!("filling/{number:08}"));
    let put = PutRequest { key, value: value.into(), ..PutRequest::default() };
    RequestOp { request: Some(Request::RequestPut(put)) }
}
