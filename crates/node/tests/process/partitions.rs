//! A network in parts: the larger one goes on, the smaller one says so.

use std::time::{Duration, Instant};

use proto::etcdserverpb::{PutRequest, RangeRequest};
use tonic::Code;

use super::harness::{LIMIT, Load, Network, Town};

/// The longest that a node takes to say that it cannot: etcd's bound for a request,
/// and an election timeout's worth of patience.
const REFUSAL: Duration = Duration::from_secs(8);

/// How long the parts need to become one again.
const CONVERGENCE: Duration = Duration::from_secs(5);

/// Of five, a leader and one follower are cut off: they serve what they have, and
/// refuse what needs a majority. Whole again, all hold the same within seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_minority_serves_what_it_has_and_refuses_the_rest() {
    let mut town = Town::start(5, &[]).await;
    let network = Network::between(&mut town).await;
    let leader = town.wait_leader().await;
    let minority = [leader, town.others(leader)[0]];
    let majority: Vec<_> = (0..5).filter(|node| !minority.contains(node)).collect();
    let endpoints: Vec<_> = majority.iter().map(|node| town.endpoints()[*node].clone()).collect();
    let load = Load::start_with_limit("parted", &endpoints, 8, Duration::from_secs(1));
    load.wait_for(1_000).await;
    network.part(&minority);
    load.wait_for_more(2_000).await;

    for node in minority {
        let mut connection = town.connection(node);
        let range = |serializable| RangeRequest {
            key: "load/".into(),
            range_end: "load0".into(),
            limit: 10,
            serializable,
            ..RangeRequest::default()
        };
        let old = connection.range(range(true), LIMIT).await.expect("it serves what it has");
        assert_eq!(old.kvs.len(), 10);
        let began = Instant::now();
        let read = connection.range(range(false), LIMIT).await.expect_err("it cannot know");
        let put = PutRequest { key: "minority".into(), ..PutRequest::default() };
        let write = connection.put(put, LIMIT).await.expect_err("it has no majority");
        for status in [read, write] {
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
            assert_eq!(status.message(), "etcdserver: request timed out");
        }
        assert!(began.elapsed() < 2 * REFUSAL, "both took {:?}", began.elapsed());
    }

    load.wait_for_more(1_000).await;
    let record = load.stop().await;
    let healed = Instant::now();
    network.heal();
    town.verify(&record).await;
    assert!(healed.elapsed() < CONVERGENCE, "they became one after {:?}", healed.elapsed());
}

/// Ways that work in one direction only, each in turn: the nodes agree on who leads
/// in the end, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn one_way_cuts_end_in_one_leader() {
    let mut town = Town::start(3, &[]).await;
    let network = Network::between(&mut town).await;
    let load = Load::start_with_limit("one way", &town.endpoints(), 8, Duration::from_millis(300));
    for hears_nothing in [true, false] {
        let leader = town.wait_leader().await;
        for other in town.others(leader) {
            match hears_nothing {
                true => network.cut(other, leader),
                false => network.cut(leader, other),
            }
        }
        load.wait_for_more(1_000).await;
        network.heal();
        load.wait_for_more(1_000).await;
    }
    let record = load.stop().await;
    town.verify(&record).await;
}
