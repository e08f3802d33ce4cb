//! A node that runs short of space, on a disk that says what the test wants.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use balsa::{
    Alarm, AlarmKind, Client, Consistency, DiskReserve, Error, Node, NodeBuilder, RoomSource,
};
use kv_statemachine::{KvError, PutRequest, RequestOp, TxnRequest};
use raft_core::NodeId;
use raft_storage::files::Room;
use tempfile::TempDir;

use super::cluster::Cluster;
use super::until;

/// What is to be free in these tests.
const RESERVE: u64 = 64 << 10;
const SHORT: u64 = RESERVE - 1;
const BETWEEN: u64 = 2 * RESERVE - 1;
const ENOUGH: u64 = 4 * RESERVE;

/// A disk with as much room as it is told.
pub struct Pretended(AtomicU64);

impl Pretended {
    pub fn new(free: u64) -> Arc<Pretended> {
        Arc::new(Pretended(AtomicU64::new(free)))
    }

    pub fn set(&self, free: u64) {
        self.0.store(free, Ordering::Relaxed);
    }
}

impl RoomSource for Pretended {
    fn room(&self) -> io::Result<Room> {
        Ok(Room { free_bytes: self.0.load(Ordering::Relaxed), total_bytes: 1 << 40 })
    }
}

fn builder(folder: &TempDir, disk: &Arc<Pretended>) -> NodeBuilder {
    Node::builder()
        .data_dir(folder.path().join("data"))
        .state_in_memory()
        .disk_reserve(DiskReserve::Bytes(RESERVE))
        .room_source(Arc::clone(disk) as _)
}

fn of(client: &Client) -> Alarm {
    Alarm { kind: AlarmKind::NO_SPACE, member: client.header().member }
}

async fn alarms(client: &Client) -> Vec<Alarm> {
    client.alarms(Consistency::Linearizable).await.expect("the alarms are told")
}

/// Waits until puts are refused for want of space.
async fn until_refused(client: &Client) {
    until("puts are refused", async || match client.put("probe", "").await {
        Ok(_) => false,
        Err(Error::Request(KvError::NoSpace)) => true,
        Err(error) => panic!("{error}"),
    })
    .await;
}

async fn until_taken(client: &Client) {
    until("puts are taken", async || match client.put("probe", "").await {
        Ok(_) => true,
        Err(Error::Request(KvError::NoSpace)) => false,
        Err(error) => panic!("{error}"),
    })
    .await;
}

/// Waits until the watch has looked at the disk as it is now.
async fn until_seen(client: &Client, free: u64) {
    until("the disk is looked at", async || client.status().free_bytes == Some(free)).await;
}

#[tokio::test]
async fn puts_are_refused_while_there_is_too_little_and_taken_again() {
    let folder = TempDir::new().unwrap();
    let disk = Pretended::new(ENOUGH);
    let ballast = folder.path().join("data/ballast");
    let node = builder(&folder, &disk).start().await.unwrap();
    let client = node.client();
    client.put("a", "1").await.expect("there is room");
    until("the ballast is made", async || ballast.exists()).await;
    assert_eq!(ballast.metadata().unwrap().len(), RESERVE / 2);

    disk.set(SHORT);
    until_refused(&client).await;
    until("the alarm is up", async || alarms(&client).await == [of(&client)]).await;
    let put = RequestOp::Put(PutRequest::of("b", "2"));
    let txn = TxnRequest { failure: vec![put], ..TxnRequest::default() };
    let refused = client.txn(txn, Consistency::Linearizable).await;
    assert_eq!(refused, Err(Error::Request(KvError::NoSpace)));
    let last = client.replica().status().last;
    assert!(client.put("b", "2").await.is_err());
    assert_eq!(client.replica().status().last, last, "what is refused fills no log");
    assert!(client.get("a").await.expect("reads go on").is_some());
    assert!(client.delete("a").await.expect("deletions go on"));
    client.compact(client.revision(), true).await.expect("compactions go on");
    assert!(ballast.exists(), "there is room for the node itself");

    // Nearly nothing is left: the ballast goes.
    disk.set(RESERVE / 4 - 1);
    until("the ballast is given up", async || !ballast.exists()).await;

    // A little more is not enough.
    disk.set(BETWEEN);
    until_seen(&client, BETWEEN).await;
    until_refused(&client).await;
    assert_eq!(alarms(&client).await, [of(&client)]);

    disk.set(ENOUGH);
    until_taken(&client).await;
    assert_eq!(alarms(&client).await, []);
    until("the ballast is back", async || ballast.exists()).await;

    // Between the marks those who were let in stay in.
    disk.set(BETWEEN);
    until_seen(&client, BETWEEN).await;
    client.put("c", "3").await.expect("it is not short again");
    node.stop().await;
}

#[tokio::test]
async fn the_alarm_outlives_a_restart_and_is_lifted_by_the_next_life() {
    let folder = TempDir::new().unwrap();
    let disk = Pretended::new(SHORT);
    let node = builder(&folder, &disk).start().await.unwrap();
    let client = node.client();
    until("the alarm is up", async || alarms(&client).await == [of(&client)]).await;
    node.stop().await;
    drop(client);

    disk.set(BETWEEN);
    let node = builder(&folder, &disk).start().await.unwrap();
    let client = node.client();
    until_seen(&client, BETWEEN).await;
    assert_eq!(alarms(&client).await, [of(&client)], "it is not lifted between the marks");
    until_refused(&client).await;

    // An operator may: there is more than the least.
    assert!(client.lift_alarm(of(&client)).await.expect("it is lifted"));
    until_taken(&client).await;
    disk.set(SHORT);
    until_refused(&client).await;
    disk.set(ENOUGH);
    until_taken(&client).await;
    node.stop().await;
}

#[tokio::test]
async fn what_an_operator_raised_an_operator_lifts() {
    let folder = TempDir::new().unwrap();
    let disk = Pretended::new(ENOUGH);
    let node = builder(&folder, &disk).start().await.unwrap();
    let client = node.client();
    client.ready().await.unwrap();
    client.raise_alarm(of(&client)).await.expect("it is raised");
    disk.set(ENOUGH + 1);
    until_seen(&client, ENOUGH + 1).await;
    assert_eq!(client.put("a", "1").await, Err(Error::Request(KvError::NoSpace)));
    assert!(client.lift_alarm(of(&client)).await.expect("it is lifted"));
    assert!(!client.lift_alarm(of(&client)).await.expect("it is gone already"));
    client.put("a", "1").await.expect("puts are taken");

    let corrupt = Alarm { kind: AlarmKind::CORRUPT, member: NodeId(3) };
    client.raise_alarm(corrupt).await.expect("it is raised");
    let refused = client.delete("a").await;
    assert_eq!(refused, Err(Error::Request(KvError::Corrupt)));
    assert!(client.get("a").await.expect("reads go on").is_some());
    assert!(client.lift_alarm(corrupt).await.expect("it is lifted"));
    assert!(client.delete("a").await.expect("writes go on"));
    node.stop().await;
}

#[tokio::test]
async fn a_state_that_reaches_its_quota_takes_no_more() {
    let folder = TempDir::new().unwrap();
    let disk = Pretended::new(ENOUGH);
    let quota = Some(256 << 10);
    let node = builder(&folder, &disk).quota_bytes(quota).start().await.unwrap();
    let client = node.client();
    let mut keys = 0;
    let refused = loop {
        match client.put(format!("k{keys:03}"), vec![0; 8 << 10]).await {
            Ok(_) => keys += 1,
            Err(error) => break error,
        }
        assert!(keys < 64, "the quota was passed");
    };
    assert_eq!(refused, Error::Request(KvError::NoSpace));
    assert!(keys > 8, "{keys} keys are a small part of the quota");
    until("the alarm is up", async || alarms(&client).await == [of(&client)]).await;
    assert_eq!(client.status().quota_bytes, quota);
    for key in 0..keys {
        assert!(client.delete(format!("k{key:03}")).await.expect("deletions go on"));
    }
    client.compact(client.revision(), true).await.expect("compactions go on");
    until_taken(&client).await;
    assert_eq!(alarms(&client).await, []);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_member_that_is_short_stops_all_puts() {
    let disk = Pretended::new(ENOUGH);
    let cluster = Cluster::start_with(3, |name, builder| match name {
        "n1" => {
            builder.disk_reserve(DiskReserve::Bytes(RESERVE)).room_source(Arc::clone(&disk) as _)
        }
        _ => builder,
    })
    .await;
    let clients: Vec<Client> = cluster.nodes.values().map(Node::client).collect();
    clients[1].put("a", "1").await.expect("there is room");
    disk.set(SHORT);
    for client in &clients {
        until_refused(client).await;
        assert!(client.get("a").await.expect("reads go on").is_some());
        assert_eq!(alarms(client).await, [of(&clients[0])]);
    }
    disk.set(ENOUGH);
    for client in &clients {
        until_taken(client).await;
    }
    cluster.assert_equal().await;
}
