//! More clients than the nodes can serve: those that are too many are told so, and
//! the others do not suffer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bench::client::Connection;
use bytes::Bytes;
use proto::etcdserverpb::PutRequest;
use tokio::task::JoinSet;

use super::harness::{ONE_CALL, Town, peak_memory, raise_open_files};

/// Clients for the best throughput, and clients that are too many. Each of these has
/// a connection of its own.
const WELL: usize = 200;
const FLOOD: usize = 2_000;

/// One value, in bytes: all clients' writes together are twice what a node lets in.
const VALUE_BYTES: usize = 32 << 10;

/// How long the best is measured.
const WELL_LASTS: Duration = Duration::from_secs(8);

/// What a client that is too many is told, as by etcd.
const REFUSAL: &str = "etcdserver: too many requests";

/// How long a client that was refused leaves the node alone.
const AFTER_REFUSAL: Duration = Duration::from_millis(500);

/// How long a witness leaves the node alone between two calls.
const WITNESS: Duration = Duration::from_millis(20);

/// How many witnesses share the thread.
const WITNESSES: usize = 16;

/// The least part of the best throughput that is left in the flood, on a machine of
/// which the clients do not take the processors from the nodes.
const LEFT: f64 = 0.8;
/// The same where they do: here 2,000 clients run beside three nodes.
const LEFT_BESIDE: f64 = 0.5;

/// How long half of the refusals take at most, on such a machine, and where the nodes'
/// threads wait for a processor behind the clients.
const REFUSED_WITHIN: Duration = Duration::from_millis(100);
const REFUSED_BESIDE: Duration = Duration::from_secs(1);

/// How much memory a node ever takes, in bytes.
const MEMORY: u64 = 1 << 30;

/// What became of the writes of one phase.
#[derive(Default)]
struct Outcome {
    done: u64,
    refused: Vec<Duration>,
    others: Vec<String>,
}

/// Nobody is disturbed by clients beyond what the nodes can serve.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_clients_is_refused_early() {
    flood(Duration::from_secs(20), LEFT_BESIDE, REFUSED_BESIDE).await;
}

/// The same for longer: what grows slowly would show.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes two minutes, and more than two processors; the short one is always run"]
async fn a_long_flood_of_clients_is_refused_early() {
    flood(Duration::from_secs(120), LEFT, REFUSED_WITHIN).await;
}

/// The leader stays, the throughput stays, memory stays bounded, and who is refused
/// hears it at once.
///
/// How long a refusal takes is told by witnesses: a few clients with a thread to
/// themselves. The others wait for each other, too, which says nothing about the nodes.
async fn flood(lasts: Duration, least: f64, refused_within: Duration) {
    raise_open_files();
    let mut town = Town::start(3, &[]).await;
    let leader = town.wait_leader().await;
    let term = town.status(leader).await.expect("it answers").raft_term;
    let endpoint = town.endpoints()[leader].clone();

    let well = write(&endpoint, WELL, WELL_LASTS).await;
    let best = well.done as f64 / WELL_LASTS.as_secs_f64();
    let witness = Witness::begin(&endpoint);
    let mut all = write(&endpoint, FLOOD, lasts).await;
    let mut seen = witness.end();
    let left = all.done as f64 / lasts.as_secs_f64();
    let memory: Vec<u64> = town.pids().into_iter().map(peak_memory).collect();
    println!(
        "{best:.0} writes a second at best, {left:.0} in the flood; refused: {} as seen by the witnesses \
         {:?}, {} as seen by the others {:?}; at most {memory:?} bytes; errors {:?}",
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
    assert!(left >= least * best, "of {best:.0} writes a second {left:.0} are left");
    assert!(memory.iter().all(|bytes| *bytes <= MEMORY), "memory in bytes: {memory:?}");
    let [median, ..] = quantiles(&mut seen.refused);
    assert!(median <= refused_within, "half of the refusals take {median:?} or longer");
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
            let writing = write_until(stopped, &endpoint, WITNESSES, WITNESS);
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
    let stops = Arc::new(AtomicBool::new(false));
    let writing = write_until(Arc::clone(&stops), endpoint, clients, AFTER_REFUSAL);
    let stop = async {
        tokio::time::sleep(lasts).await;
        stops.store(true, Ordering::Relaxed);
    };
    tokio::join!(writing, stop).0
}

/// Lets clients write until they are told to stop.
async fn write_until(
    stops: Arc<AtomicBool>,
    endpoint: &str,
    clients: usize,
    after_refusal: Duration,
) -> Outcome {
    let mut running = JoinSet::new();
    for client in 0..clients {
        let connection = Connection::new(endpoint);
        let name = format!("flood/{clients}/{client}");
        running.spawn(write_one(name, connection, Arc::clone(&stops), after_refusal));
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

/// Writes one key again and again.
async fn write_one(
    name: String,
    mut connection: Connection,
    stops: Arc<AtomicBool>,
    after_refusal: Duration,
) -> Outcome {
    let mut outcome = Outcome::default();
    let (key, value) = (Bytes::from(name), Bytes::from(vec![b'v'; VALUE_BYTES]));
    while !stops.load(Ordering::Relaxed) {
        let put = PutRequest { key: key.clone(), value: value.clone(), ..PutRequest::default() };
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
