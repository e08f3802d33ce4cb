//! Disks that are full, damaged, refuse, or are not the node's own.
//!
//! What a node does about each, and what it tells, stands in `docs/operations.md`.

mod folders;
mod quota;
mod small;

use std::time::Instant;

use bench::client::http_get;
use proto::etcdserverpb::{DeleteRangeRequest, PutRequest, RangeRequest};
use tempfile::TempDir;
use tonic::Code;

use super::durability::preload;
use super::harness::{LIMIT, Load, ONE_CALL, Town};
use small::SmallDisk;

/// The exit code of a node whose disk failed.
const EXIT_DISK: i32 = 74;

/// Less than the part of such a disk that a node keeps free, and more than its last.
const NEARLY_FULL: u64 = 4 << 20;

const NO_SPACE: &str = "etcdserver: mvcc: database space exceeded";

/// One follower's disk is nearly full: nobody puts any more, all else goes on, and
/// once there is room all puts are taken again.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_nearly_full_stops_puts_until_there_is_room() {
    let (mut town, disks) = on_small_disks().await;
    let load = Load::start("before", &town.endpoints(), 8);
    load.wait_for(2_000).await;
    let mut record = load.stop().await;
    let leader = town.wait_leader().await;
    let full = town.others(leader)[0];
    let id = town.status(full).await.expect("it answers").header.expect("a header").member_id;

    disks[full].fill_up_to(NEARLY_FULL);
    for node in 0..3 {
        until_put_says(&town, node, Some(NO_SPACE)).await;
        let mut connection = town.connection(node);
        assert_eq!(connection.alarms(ONE_CALL).await.expect("alarms are told"), [(id, 1)]);
        let read = RangeRequest { key: "load/".into(), ..RangeRequest::default() };
        connection.range(read, ONE_CALL).await.expect("reads go on");
        let delete = DeleteRangeRequest { key: "none".into(), ..DeleteRangeRequest::default() };
        connection.delete_range(delete, ONE_CALL).await.expect("deletions go on");
        let endpoint = town.endpoints().swap_remove(node);
        let health = http_get(&endpoint, "/health", ONE_CALL).await;
        assert!(!matches!(health, Ok(page) if page.contains("\"true\"")), "it is not healthy");
    }
    assert_eq!(town.metric(full, "etcd_debugging_server_alarms").await, 1.0);
    assert!(disks[full].has("ballast"), "it keeps room for itself");

    disks[full].make_room();
    for node in 0..3 {
        until_put_says(&town, node, None).await;
    }
    let load = Load::start("after", &town.endpoints(), 8);
    load.wait_for(2_000).await;
    record.join(load.stop().await);
    town.verify(&record).await;
}

/// A foreign program takes the whole disk of a follower, and what the node gives up for
/// its own needs, too. The node ends when it has to write; the others go on once an
/// operator has lifted its alarm, and it comes back when there is room.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_quite_full_ends_the_node_and_loses_nothing() {
    let (mut town, disks) = on_small_disks().await;
    let load = Load::start("before", &town.endpoints(), 8);
    load.wait_for(2_000).await;
    let leader = town.wait_leader().await;
    let full = town.others(leader)[0];
    let mut record = load.stop().await;

    let mut connection = town.connection(leader);
    let began = Instant::now();
    disks[full].fill_up_to(0);
    while disks[full].has("ballast") {
        assert!(began.elapsed() < LIMIT, "the node does not give up its ballast");
        tokio::task::yield_now().await;
    }
    // What is given up is taken, and deletions make the log grow.
    while town.status(full).await.is_ok() {
        disks[full].fill_up_to(0);
        let delete = DeleteRangeRequest {
            key: vec![b'n'; 256 << 10].into(),
            ..DeleteRangeRequest::default()
        };
        connection.delete_range(delete, ONE_CALL).await.expect("two of three go on");
        assert!(began.elapsed() < LIMIT, "a full disk does not end the node");
    }
    let status = town.process(full).wait(LIMIT).expect("it ends");
    let log = town.process(full).log_end();
    assert_eq!(status.code(), Some(EXIT_DISK), "{log}");
    assert!(log.contains("No space left on device"), "{log}");

    // Its alarm stays, for it cannot lift it itself.
    for alarm in connection.alarms(ONE_CALL).await.expect("alarms are told") {
        connection.disarm(alarm, ONE_CALL).await.expect("it is lifted");
    }
    let two: Vec<String> =
        town.others(full).into_iter().map(|node| town.endpoints().swap_remove(node)).collect();
    let load = Load::start("without", &two, 8);
    load.wait_for(1_000).await;
    record.join(load.stop().await);

    disks[full].make_room();
    town.start_node(full).await;
    let load = Load::start("after", &town.endpoints(), 8);
    load.wait_for(1_000).await;
    record.join(load.stop().await);
    town.verify(&record).await;
}

/// A sync that fails ends the node at once: nothing that waited for it is acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_ends_the_node() {
    let failing = TempDir::with_prefix("balsa-failing-").expect("a temporary folder");
    let env = [preload(), ("SYNC_FAIL", failing.path().as_os_str().to_owned())];
    let mut town = Town::start_with_env(3, &[], &env).await;
    let load = Load::start("failing", &town.endpoints(), 8);
    load.wait_for(1_000).await;
    let leader = town.wait_leader().await;
    let process = town.process(leader).pid().expect("it runs").to_string();
    std::fs::write(failing.path().join(process), "").expect("a file can be made");
    let status = town.process(leader).wait(LIMIT).expect("it ends");
    let log = town.process(leader).log_end();
    assert_eq!(status.code(), Some(EXIT_DISK), "{log}");
    assert!(log.contains("sync") && log.contains("Input/output error"), "{log}");
    town.wait_other_leader(leader).await;
    load.wait_for_more(1_000).await;
    town.start_node(leader).await;
    load.wait_for_more(1_000).await;
    let record = load.stop().await;
    town.verify(&record).await;
}

/// Three nodes, each on a small disk of its own.
async fn on_small_disks() -> (Town, Vec<SmallDisk>) {
    let mut town = Town::unstarted(3, &[], &[]);
    let disks = (0..3).map(|node| SmallDisk::under(&mut town, node)).collect();
    town.start_all().await;
    (town, disks)
}

/// Waits until a put at a node is refused with these words, or taken.
pub async fn until_put_says(town: &Town, node: usize, wanted: Option<&str>) {
    let began = Instant::now();
    loop {
        let put = PutRequest { key: "probe".into(), ..PutRequest::default() };
        let said = match town.connection(node).put(put, ONE_CALL).await {
            Ok(_) => None,
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                Some(status.message().to_owned())
            }
        };
        if said.as_deref() == wanted {
            return;
        }
        assert!(began.elapsed() < LIMIT, "node {node} still says {said:?}, not {wanted:?}");
        tokio::task::yield_now().await;
    }
}
