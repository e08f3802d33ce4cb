//! A node that was away for longer than the log is kept.

use super::harness::{Load, Town};

/// How many writes it misses.
const MISSED: usize = 100_000;

/// How often the others take a snapshot and purge their log, in entries.
const SNAPSHOT_COUNT: &str = "5000";

/// Counts the snapshots that a node took over from another. Balsa's own: what etcd
/// has instead has no samples before the first, and other labels.
const INSTALLED: &str = "balsa_snapshots_installed_total";

/// It catches up by one or two snapshots, while writes go on without an error.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_comes_back_after_a_hundred_thousand_writes() {
    let mut town = Town::start(3, &["--snapshot-count", SNAPSHOT_COUNT]).await;
    let leader = town.wait_leader().await;
    let away = town.others(leader)[0];
    town.kill_node(away);
    let endpoints: Vec<String> =
        town.others(away).into_iter().map(|node| town.endpoints().swap_remove(node)).collect();

    let load = Load::start("missed", &endpoints, 64);
    load.wait_for(MISSED).await;
    let failed_before = load.failed();
    assert_eq!(failed_before, 0, "two of three nodes are enough");

    town.start_node(away).await;
    load.wait_for_more(5_000).await;
    assert_eq!(load.failed(), 0, "writes go on while a node catches up");
    let record = load.stop().await;
    town.verify(&record).await;

    let installed = town.metric(away, INSTALLED).await;
    assert!((1.0..=2.0).contains(&installed), "{installed} snapshots were installed");
}
