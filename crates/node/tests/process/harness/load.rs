//! Clients that write until they are told to stop.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bench::client::Connection;
use bytes::Bytes;
use proto::etcdserverpb::PutRequest;
use tokio::task::JoinSet;

use super::{LIMIT, ONE_CALL, Record};

/// What all keys of loads begin with.
pub const PREFIX: &str = "load/";

/// How long a client leaves the nodes alone after a failure.
const AFTER_FAILURE: Duration = Duration::from_millis(10);

/// How often it is looked whether there are enough writes.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A load that runs. Each client writes distinct keys, with values that no other
/// write has, one after the other; a write that fails is not tried again, and the
/// next goes to the next node.
pub struct Load {
    clients: JoinSet<Record>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stops: AtomicBool,
    acknowledged: AtomicUsize,
    failed: AtomicUsize,
    /// When writes were acknowledged, in this order.
    times: Mutex<Vec<Instant>>,
}

impl Load {
    /// Clients that begin to write at once. `name` sets their keys apart from
    /// those of other loads on the same cluster; the clients begin at the nodes
    /// in turn.
    pub fn start(name: &str, endpoints: &[String], clients: usize) -> Self {
        Self::start_with_limit(name, endpoints, clients, ONE_CALL)
    }

    /// As [`start`](Self::start), with clients that wait so long for one write.
    pub fn start_with_limit(
        name: &str,
        endpoints: &[String],
        clients: usize,
        limit: Duration,
    ) -> Self {
        let connections: Vec<Connection> =
            endpoints.iter().map(|endpoint| Connection::new(endpoint)).collect();
        let shared = Arc::new(Shared::default());
        let mut running = JoinSet::new();
        for client in 0..clients {
            let name = format!("{PREFIX}{name}/{client:02}");
            running.spawn(write(name, connections.clone(), client, limit, shared.clone()));
        }
        Self { clients: running, shared }
    }

    /// Waits until the clients together got so many acknowledgements, all since
    /// the beginning counted.
    pub async fn wait_for(&self, writes: usize) {
        let began = Instant::now();
        while self.acknowledged() < writes {
            assert!(
                began.elapsed() < LIMIT,
                "only {} of {writes} writes were acknowledged, {} failed",
                self.acknowledged(),
                self.failed()
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until the clients together got so many acknowledgements more.
    pub async fn wait_for_more(&self, writes: usize) {
        self.wait_for(self.acknowledged() + writes).await;
    }

    /// How many writes were acknowledged up to now.
    pub fn acknowledged(&self) -> usize {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// How many writes failed up to now.
    pub fn failed(&self) -> usize {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// The longest time without an acknowledged write from a moment on until now, the
    /// time around that moment included.
    pub fn longest_gap(&self, since: Instant) -> Duration {
        let times = self.shared.times.lock().unwrap_or_else(PoisonError::into_inner);
        let first = times.partition_point(|time| *time <= since).saturating_sub(1);
        let ends = times[first..].iter().copied().skip(1).chain([Instant::now()]);
        let gaps = times[first..].iter().zip(ends).map(|(begin, end)| end - *begin);
        gaps.max().unwrap_or_else(|| since.elapsed())
    }

    /// Lets each client finish its write and returns what was written.
    pub async fn stop(mut self) -> Record {
        self.shared.stops.store(true, Ordering::Relaxed);
        let mut all = Record::default();
        while let Some(one) = self.clients.join_next().await {
            all.join(one.expect("a client does not panic"));
        }
        all
    }
}

async fn write(
    name: String,
    mut connections: Vec<Connection>,
    first_node: usize,
    limit: Duration,
    shared: Arc<Shared>,
) -> Record {
    let mut record = Record::default();
    let mut node = first_node;
    for number in 0.. {
        if shared.stops.load(Ordering::Relaxed) {
            break;
        }
        let key = Bytes::from(format!("{name}/{number:07}"));
        let value = Bytes::from(format!("value of {name}/{number}, sent to node {node}"));
        let request =
            PutRequest { key: key.clone(), value: value.clone(), ..PutRequest::default() };
        let at = node % connections.len();
        let is_acknowledged = connections[at].put(request, limit).await.is_ok();
        record.add(key, value, is_acknowledged);
        if is_acknowledged {
            shared.times.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
            shared.acknowledged.fetch_add(1, Ordering::Relaxed);
        } else {
            shared.failed.fetch_add(1, Ordering::Relaxed);
            node += 1;
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
    record
}
