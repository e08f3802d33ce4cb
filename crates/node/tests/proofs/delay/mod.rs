//! Proposals do not wait for one another, however far away the peers are.

mod proxy;

use std::time::{Duration, Instant};

use proto::etcdserverpb::PutRequest;
use tokio::task::JoinSet;

use self::proxy::Proxy;
use super::harness::network::move_peer_port;
use super::harness::{ONE_CALL, Town};

/// How long what one node says is on its way to another: a round trip is twice that.
const ONE_WAY: Duration = Duration::from_millis(50);

/// How long a question and its answer are on their way.
const ROUND_TRIP: Duration = Duration::from_millis(100);

/// How many writes are asked for without waiting for any.
const PROPOSALS: usize = 200;

/// The most that all of them may take.
const BOUND: Duration = Duration::from_millis(400);

/// With 50 ms between the nodes, each way, 200 proposals of one client finish within
/// four round trips. A single one needs one round trip, so the way is really long.
#[tokio::test(flavor = "multi_thread")]
async fn proposals_run_ahead_of_their_answers() {
    let mut town = Town::start(3, &[]).await;
    town.kill().expect("all nodes can be killed");
    let mut proxies = Vec::new();
    for node in 0..town.size() {
        let (known, own) = move_peer_port(&mut town.process(node).spec_mut().args);
        proxies.push(Proxy::start(known, own, ONE_WAY).await);
    }
    town.start_all().await;
    let leader = town.wait_leader().await;

    let mut connection = town.connection(leader);
    let began = Instant::now();
    connection.put(put(0), ONE_CALL).await.expect("the leader writes");
    let single = began.elapsed();

    let began = Instant::now();
    let mut proposals = JoinSet::new();
    for number in 0..PROPOSALS {
        let mut connection = connection.clone();
        proposals.spawn(async move { connection.put(put(number), ONE_CALL).await });
    }
    for proposal in proposals.join_all().await {
        proposal.expect("the leader writes");
    }
    let all = began.elapsed();
    println!(
        "{ONE_WAY:?} between the nodes each way: one put takes {single:?}, {PROPOSALS} puts at \
         once take {all:?}, which is {:.1} round trips",
        all.as_secs_f64() / ROUND_TRIP.as_secs_f64()
    );
    assert!(single >= ROUND_TRIP, "a put took {single:?}: the proxies do not delay");
    assert!(all <= BOUND, "{PROPOSALS} puts took {all:?}, more than four round trips");
}

fn put(number: usize) -> PutRequest {
    let key = format!("proposal {number}").into();
    PutRequest { key, value: "value".into(), ..PutRequest::default() }
}
