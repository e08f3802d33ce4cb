//! A snapshot on its way to a node, and a connection that breaks.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proto::etcdserverpb::PutRequest;

use super::harness::{LIMIT, Load, Network, ONE_CALL, Town};
use super::random::Random;

/// How many values the snapshot holds, and how large each one is; they do not compress.
const VALUES: usize = 256;
const VALUE_BYTES: usize = 1 << 20;

/// How much has come in when the connection breaks, and how long that lasts: many
/// attempts to dial.
const ENOUGH_BYTES: u64 = 16 << 20;
const OUTAGE: Duration = Duration::from_secs(3);

const SENT: &str = "etcd_network_peer_sent_bytes_total";
const INSTALLED: &str = "balsa_snapshots_installed_total";

/// What has come in before the break is not sent again.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_goes_on_where_its_stream_broke() {
    let mut town = Town::start(3, &["--snapshot-count", "1000"]).await;
    let mut network = Network::between(&mut town).await;
    let leader = town.wait_leader().await;
    let [away, other] = town.others(leader)[..] else { panic!("three nodes have two others") };
    town.kill_node(away);
    fill(&town, leader).await;
    // More entries than a log keeps behind its snapshot.
    let load = Load::start("after", &[town.endpoints().swap_remove(other)], 32);
    load.wait_for(8_000).await;
    let record = load.stop().await;

    let sent_before = town.metric(leader, SENT).await;
    let folder = town.folder().join(format!("n{}/snapshots", away + 1));
    town.process(away).start().expect("the node starts");
    let began = Instant::now();
    while bytes_in(&folder) < ENOUGH_BYTES {
        assert!(began.elapsed() < LIMIT, "no snapshot comes in");
        tokio::task::yield_now().await;
    }
    network.refuse(leader, away);
    let broken = Instant::now();
    let had = bytes_in(&folder);
    let whole = (VALUES * VALUE_BYTES) as u64;
    assert!(had < whole / 2, "{had} bytes of {whole} came in before the connection broke");
    while broken.elapsed() < OUTAGE {
        assert!(bytes_in(&folder) >= ENOUGH_BYTES, "what has come in was dropped");
        tokio::task::yield_now().await;
    }
    network.admit(away).await;
    town.start_node(away).await;
    town.verify(&record).await;

    let sent = town.metric(leader, SENT).await - sent_before;
    println!("{had} bytes of {whole} came in before the break; {sent} were sent in all");
    // What was on its way when the connection broke is a few pieces.
    assert!(sent < whole as f64 + had as f64 / 2.0, "{sent} bytes were sent, {had} came in twice");
    assert!(town.metric(away, INSTALLED).await >= 1.0, "it caught up without a snapshot");
}

/// Writes all values on the leader.
async fn fill(town: &Town, leader: usize) {
    let mut connection = town.connection(leader);
    let mut random = Random::new(1);
    for number in 0..VALUES {
        let value: Vec<u8> =
            (0..VALUE_BYTES / 8).flat_map(|_| random.below(u64::MAX).to_le_bytes()).collect();
        let key = format!("many/{number:04}").into();
        let put = PutRequest { key, value: value.into(), ..PutRequest::default() };
        connection.put(put, ONE_CALL).await.expect("the leader writes");
    }
}

/// How much lies in a folder. What goes while one looks counts as nothing.
fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_in(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.flatten().map(bytes).sum()
}
