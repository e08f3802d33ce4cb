//! Clients that write until they are told to stop.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bench::client::Connection;
use bytes::Bytes;
use proto::etcdserverpb::PutRequest;
use tokio::task::JoinSet;
use tonic::Status;

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
    nodes: Mutex<Vec<Connection>>,
    /// The list of nodes that each client took its node from, counted up with each list.
    lists: Mutex<(usize, Vec<usize>)>,
    /// When writes were acknowledged, in this order.
    times: Mutex<Vec<Instant>>,
    /// What was said of those that were not.
    failures: Mutex<Vec<String>>,
}

impl Shared {
    fn acknowledge(&self) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        lock(&self.times).push(Instant::now());
    }

    fn fail(&self, status: &Status) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        lock(&self.failures).push(format!("{:?}: {}", status.code(), status.message()));
    }

    /// The connection that a client is to use for its next write.
    fn connection(&self, client: usize, node: usize) -> Connection {
        let mut lists = lock(&self.lists);
        lists.1[client] = lists.0;
        let nodes = lock(&self.nodes);
        nodes[node % nodes.len()].clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics with this lock")
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
        let shared = Arc::new(Shared {
            nodes: Mutex::new(connections(endpoints)),
            lists: Mutex::new((0, vec![0; clients])),
            ..Shared::default()
        });
        let mut running = JoinSet::new();
        for client in 0..clients {
            let name = format!("{PREFIX}{name}/{client:02}");
            running.spawn(write(name, client, limit, shared.clone()));
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

    /// Has all clients use these nodes from now on, and waits until none has a write under
    /// way on any other: a node that is to go has no clients then.
    pub async fn move_to(&self, endpoints: &[String]) {
        *lock(&self.shared.nodes) = connections(endpoints);
        let list = {
            let mut lists = lock(&self.shared.lists);
            lists.0 += 1;
            lists.0
        };
        let began = Instant::now();
        while lock(&self.shared.lists).1.iter().any(|seen| *seen < list) {
            assert!(began.elapsed() < LIMIT, "a client does not come back from its write");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The longest time without an acknowledged write from a moment on until now, the
    /// time around that moment included.
    pub fn longest_gap(&self, since: Instant) -> Duration {
        let times = lock(&self.shared.times);
        let first = times.partition_point(|time| *time <= since).saturating_sub(1);
        let ends = times[first..].iter().copied().skip(1).chain([Instant::now()]);
        let gaps = times[first..].iter().zip(ends).map(|(begin, end)| end - *begin);
        gaps.max().unwrap_or_else(|| since.elapsed())
    }

    /// What was said of the writes that failed.
    pub fn failures(&self) -> Vec<String> {
        lock(&self.shared.failures).clone()
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

async fn write(name: String, client: usize, limit: Duration, shared: Arc<Shared>) -> Record {
    let mut record = Record::default();
    let mut node = client;
    for number in 0.. {
        if shared.stops.load(Ordering::Relaxed) {
            break;
        }
        let key = Bytes::from(format!("{name}/{number:07}"));
        let value = Bytes::from(format!("value of {name}/{number}, sent to node {node}"));
        let request =
            PutRequest { key: key.clone(), value: value.clone(), ..PutRequest::default() };
        let answer = shared.connection(client, node).put(request, limit).await;
        record.add(key, value, answer.is_ok());
        match answer {
            Ok(_) => shared.acknowledge(),
            Err(status) => {
                shared.fail(&status);
                node += 1;
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
    record
}

fn connections(endpoints: &[String]) -> Vec<Connection> {
    endpoints.iter().map(|endpoint| Connection::new(endpoint)).collect()
}
