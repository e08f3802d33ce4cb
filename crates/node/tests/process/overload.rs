//! More clients than the nodes can serve: those that are too many are told so, and
//! the others do not suffer.
//!
//! The clients stand in for other machines: their threads leave the processors to the
//! nodes. What they write is the same work, however many they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bench::client::Connection;
use bytes::Bytes;
use proto::etcdserverpb::PutRequest;
use tokio::task::JoinSet;

use super::harness::{
    Network, ONE_CALL, Town, Way, peak_memory, raise_open_files, yield_to_others,
};

/// Clients for the best throughput, and clients that are too many. Each of these has
/// a connection of its own.
const WELL: usize = 200;
const FLOOD: usize = 2_000;

/// How many keys there are.
const KEYS: usize = FLOOD;

/// One value, in bytes: all clients' writes together are twice what a node lets in.
const VALUE_BYTES: usize = 32 << 10;

/// How long the best is measured, each time: before the flood, when the state's files
/// have begun to be merged, and after it.
const WELL_LASTS: Duration = Duration::from_secs(8);

/// What a client that is too many is told, as by etcd.
const REFUSAL: &str = "etcdserver: too many requests";

/// How long a client that was refused leaves the node alone.
const AFTER_REFUSAL: Duration = Duration::from_millis(500);

/// How long a witness leaves the node alone between two calls.
const WITNESS: Duration = Duration::from_millis(20);

/// How many witnesses share the thread.
const WITNESSES: usize = 64;

/// How many bytes a line between nodes carries in a second, where the lines are narrow:
/// so few that a part of the machine is left.
const NARROW: u64 = 12 << 20;

/// The least part of the best throughput that is left in the flood.
const LEFT: f64 = 0.8;
/// The same where the clients have taken the processors from the nodes.
const LEFT_BESIDE: f64 = 0.5;

/// How long nearly all refusals take at most, and half of them where they wait for a
/// processor.
const REFUSED_WITHIN: Duration = Duration::from_millis(100);

/// How much memory a node ever takes, in bytes.
const MEMORY: u64 = 1 << 30;

/// What became of the writes of one phase.
#[derive(Default)]
struct Outcome {
    done: u64,
    refused: Vec<Duration>,
    others: Vec<String>,
}

/// What bounds the nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// The lines between them: they have time to spare.
    Lines,
    /// The processors, which they share with 2,000 clients.
    Processors,
}

/// Nodes that are bound by the lines between them turn away what is too much at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_on_narrow_lines_is_refused_at_once() {
    flood(Bound::Lines, Duration::from_secs(20)).await;
}

/// Where the processors are the bound, nobody is disturbed either.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_on_busy_processors_is_refused() {
    flood(Bound::Processors, Duration::from_secs(20)).await;
}

/// As the first, for longer: what grows slowly would show.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes three minutes; the short one is always run"]
async fn a_long_flood_is_refused_at_once() {
    flood(Bound::Lines, Duration::from_secs(120)).await;
}

/// The leader stays, the throughput stays, memory stays bounded, and who is refused
/// hears it at once.
///
/// How long a refusal takes is told by witnesses: a few clients with a thread to
/// themselves. The others wait for each other, too, which says nothing about the nodes.
async fn flood(bound: Bound, lasts: Duration) {
    raise_open_files();
    let mut town = Town::start(3, &[]).await;
    let network = match bound {
        Bound::Lines => Some(Network::between(&mut town).await),
        Bound::Processors => None,
    };
    let leader = town.wait_leader().await;
    let term = town.status(leader).await.expect("it answers").raft_term;
    let endpoint = town.endpoints()[leader].clone();
    if let Some(network) = &network {
        let line = Way { bytes_per_second: Some(NARROW), ..Way::default() };
        for peer in town.others(leader) {
            network.set_both(leader, peer, line);
        }
    }

    let well = async || {
        let done = write(&endpoint, WELL, WELL_LASTS).await.done;
        done as f64 / WELL_LASTS.as_secs_f64()
    };
    well().await;
    let before = well().await;
    let witness = Witness::begin(&endpoint);
    let mut all = write(&endpoint, FLOOD, lasts).await;
    let mut seen = witness.end();
    let left = all.done as f64 / lasts.as_secs_f64();
    let after = well().await;
    let best = match bound {
        Bound::Lines => before.max(after),
        // Merging has begun in between, and takes its part of them.
        Bound::Processors => (before + after) / 2.0,
    };
    let memory: Vec<u64> = town.pids().into_iter().map(peak_memory).collect();
    println!(
        "{before:.0} and {after:.0} writes a second before and after, {left:.0} in the flood; \
         refused: {} as seen by the witnesses {:?}, {} as seen by the others {:?}; at most {memory:?} bytes; errors {:?}",
        seen.refused.len(),
        quantiles(&mut seen.refused),
        all.refused.len(),
        quantiles(&mut all.refused),
        all.others,
    );
    for node in 0..town.size() {
        let status = town.status(node).await.expect("it answers");
        assert_eq!(status.raft_term, term, "there was an election");
    }
    assert!(seen.refused.len() >= 20, "hardly anybody was refused, so it was no flood");
    let none: [&str; 0] = [];
    assert_eq!(all.others, none, "who is not served is refused");
    let least = if bound == Bound::Lines { LEFT } else { LEFT_BESIDE };
    assert!(left >= least * best, "of {best:.0} writes a second {left:.0} are left");
    assert!(memory.iter().all(|bytes| *bytes <= MEMORY), "memory in bytes: {memory:?}");
    let [half, _, nearly_all] = quantiles(&mut seen.refused);
    let took = if bound == Bound::Lines { nearly_all } else { half };
    assert!(took <= REFUSED_WITHIN, "refusals take {took:?}");
}

/// The median, and what one in ten and one in a hundred exceed.
fn quantiles(times: &mut [Duration]) -> [Duration; 3] {
    times.sort_unstable();
    [50, 90, 99].map(|part| times.get(times.len() * part / 100).copied().unwrap_or_default())
}

/// A few clients that have a thread to themselves.
struct Witness {
    stops: Arc<AtomicBool>,
    thread: JoinHandle<Outcome>,
}

impl Witness {
    fn begin(endpoint: &str) -> Witness {
        let (endpoint, stops) = (endpoint.to_owned(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stops);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let writing = write_until(stopped, &endpoint, "witness", WITNESSES, WITNESS);
            runtime.expect("a runtime").block_on(writing)
        });
        Witness { stops, thread }
    }

    fn end(self) -> Outcome {
        self.stops.store(true, Ordering::Relaxed);
        self.thread.join().expect("it does not panic")
    }
}

/// Lets clients write for a time.
async fn write(endpoint: &str, clients: usize, lasts: Duration) -> Outcome {
    let endpoint = endpoint.to_owned();
    let crowd = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .on_thread_start(yield_to_others)
            .enable_all()
            .build()
            .expect("a runtime");
        let writing = runtime.spawn(async move {
            let stops = Arc::new(AtomicBool::new(false));
            let stopped = Arc::clone(&stops);
            let writing = write_until(stopped, &endpoint, "crowd", clients, AFTER_REFUSAL);
            let stop = async {
                tokio::time::sleep(lasts).await;
                stops.store(true, Ordering::Relaxed);
            };
            tokio::join!(writing, stop).0
        });
        runtime.block_on(writing).expect("they do not panic")
    });
    tokio::task::spawn_blocking(|| crowd.join()).await.expect("it ends").expect("it does not panic")
}

/// Lets clients write until they are told to stop.
async fn write_until(
    stops: Arc<AtomicBool>,
    endpoint: &str,
    name: &'static str,
    clients: usize,
    after_refusal: Duration,
) -> Outcome {
    let mut running = JoinSet::new();
    for client in 0..clients {
        let connection = Connection::new(endpoint);
        // Together they write all keys, however many they are.
        let keys = (client..KEYS).step_by(clients).map(|key| Bytes::from(format!("{name}/{key}")));
        let stops = Arc::clone(&stops);
        running.spawn(write_one(keys.collect(), connection, stops, after_refusal));
    }
    let mut all = Outcome::default();
    for one in running.join_all().await {
        all.done += one.done;
        all.refused.extend(one.refused);
        all.others.extend(one.others);
    }
    all.others.sort_unstable();
    all.others.dedup();
    all
}

/// Writes some keys again and again.
async fn write_one(
    keys: Vec<Bytes>,
    mut connection: Connection,
    stops: Arc<AtomicBool>,
    after_refusal: Duration,
) -> Outcome {
    let mut outcome = Outcome::default();
    let value = Bytes::from(vec![b'v'; VALUE_BYTES]);
    for key in keys.into_iter().cycle() {
        if stops.load(Ordering::Relaxed) {
            break;
        }
        let put = PutRequest { key, value: value.clone(), ..PutRequest::default() };
        let began = Instant::now();
        match connection.put(put, ONE_CALL).await {
            Ok(_) => outcome.done += 1,
            Err(status) if status.message() == REFUSAL => {
                outcome.refused.push(began.elapsed());
                tokio::time::sleep(after_refusal).await;
            }
            Err(status) => outcome.others.push(format!("{}: {}", status.code(), status.message())),
        }
    }
    outcome
}
