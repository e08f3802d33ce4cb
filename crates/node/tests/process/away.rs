//! A node that was away for longer than the log is kept.

use bench::client::http_get;

use super::harness::{Load, ONE_CALL, Town};

/// How many writes it misses.
const MISSED: usize = 100_000;

/// How often the others take a snapshot and purge their log, in entries.
const SNAPSHOT_COUNT: &str = "5000";

/// What counts the snapshots that a node took over from another.
const INSTALLED: [&str; 2] =
    ["balsa_snapshots_installed_total", "etcd_network_snapshot_receive_success"];

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

    let metrics = http_get(&town.endpoints()[away], "/metrics", ONE_CALL).await;
    let installed = snapshots_installed(&metrics.expect("a node shows its metrics"));
    assert!((1..=2).contains(&installed), "{installed} snapshots were installed");
}

/// The sum of a page of metrics' lines about installed snapshots.
fn snapshots_installed(metrics: &str) -> u64 {
    let lines = metrics.lines().filter(|line| INSTALLED.iter().any(|name| line.starts_with(name)));
    let numbers = lines.filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok());
    numbers.sum()
}
