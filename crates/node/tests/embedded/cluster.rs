//! Three nodes in one process, over gRPC on loopback.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use balsa::{ClientLimits, Consistency, Node, NodeBuilder, StartError};
use kv_statemachine::{KeyRange, RangeRequest};
use raft_core::RoleName;
use tempfile::TempDir;

use super::{free_address, until};

pub struct Cluster {
    folder: TempDir,
    addresses: Vec<(String, SocketAddr)>,
    pub nodes: BTreeMap<String, Node>,
}

impl Cluster {
    async fn start(size: usize) -> Cluster {
        Cluster::start_with(size, |_, builder| builder).await
    }

    /// Starts nodes that are not all alike.
    pub async fn start_with(
        size: usize,
        with: impl Fn(&str, NodeBuilder) -> NodeBuilder,
    ) -> Cluster {
        let addresses: Vec<_> = (1..=size).map(|n| (format!("n{n}"), free_address())).collect();
        let folder = TempDir::new().unwrap();
        let mut cluster = Cluster { folder, addresses, nodes: BTreeMap::new() };
        for name in cluster.names() {
            let node = with(&name, cluster.builder(&name)).start().await.expect("the node starts");
            cluster.nodes.insert(name, node);
        }
        cluster
    }

    fn names(&self) -> Vec<String> {
        self.addresses.iter().map(|(name, _)| name.clone()).collect()
    }

    fn builder(&self, name: &str) -> NodeBuilder {
        let mut builder = Node::builder()
            .name(name)
            .data_dir(self.folder.path().join(name))
            .state_in_memory()
            .heartbeat_interval(Duration::from_millis(50))
            .election_timeout(Duration::from_millis(500));
        for (founder, address) in &self.addresses {
            builder = builder.founder(founder, [format!("http://{address}")]);
            if founder == name {
                builder = builder.listen_peer(*address);
            }
        }
        builder
    }

    async fn restart(&mut self, name: &str) {
        let node = self.builder(name).start().await.expect("the node starts");
        self.nodes.insert(name.to_owned(), node);
    }

    async fn stop(&mut self, name: &str) {
        let node = self.nodes.remove(name).expect("the node runs");
        node.stop().await;
    }

    async fn leader(&self) -> String {
        let mut found = None;
        until("somebody leads", async || {
            let leads = |node: &Node| node.client().status().role == RoleName::Leader;
            found = self.nodes.iter().find(|(_, node)| leads(node)).map(|(name, _)| name.clone());
            found.is_some()
        })
        .await;
        found.expect("somebody leads")
    }

    /// Waits until all have applied the same, and compares the states.
    pub async fn assert_equal(&self) {
        until("all have applied the same", async || {
            let mut hashes = Vec::new();
            for node in self.nodes.values() {
                hashes.push(node.client().state_hash().await.expect("the state is read"));
            }
            hashes.windows(2).all(|pair| pair[0] == pair[1])
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_takes_writes_and_serves_reads() {
    let cluster = Cluster::start(3).await;
    for (number, node) in cluster.nodes.values().enumerate() {
        let client = node.client();
        let key = format!("from-{number}");
        client.put(key.clone(), "v").await.expect("the write is done");
        for reader in cluster.nodes.values() {
            let found = reader.client().get(key.clone()).await.expect("the read is answered");
            assert!(found.is_some(), "a linearizable read shows what was acknowledged");
        }
        // A client reads its own writes where it wrote them.
        let request = RangeRequest::of(KeyRange::single(key));
        let own = client.range(request, Consistency::Serializable).await.unwrap();
        assert_eq!(own.kvs.len(), 1);
    }
    cluster.assert_equal().await;
    for node in cluster.nodes.values() {
        assert_eq!(node.client().members(Consistency::Linearizable).await.unwrap().len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stops_hands_over_and_comes_back() {
    let mut cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    let other = cluster.names().into_iter().find(|name| *name != leader).unwrap();
    let client = cluster.nodes[&other].client();
    client.put("before", "v").await.unwrap();
    cluster.stop(&leader).await;
    client.put("meanwhile", "v").await.expect("two of three go on");
    let next = cluster.leader().await;
    assert_ne!(next, leader);
    cluster.restart(&leader).await;
    let back = cluster.nodes[&leader].client();
    assert!(back.get("meanwhile").await.unwrap().is_some());
    cluster.assert_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_lost_its_folder_is_refused() {
    let mut cluster = Cluster::start(3).await;
    let client = cluster.nodes["n1"].client();
    client.put("a", "1").await.unwrap();
    until("all storage ids are recorded", async || {
        let membership = client.replica().status().membership;
        membership.members.values().all(|member| member.storage_id.is_some())
    })
    .await;
    cluster.assert_equal().await;
    cluster.stop("n3").await;
    std::fs::remove_dir_all(cluster.folder.path().join("n3")).unwrap();
    match cluster.builder("n3").start().await {
        Err(StartError::WasThereBefore { .. }) => {}
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("a wiped member must not start"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_majority_writes_fail_and_serializable_reads_go_on() {
    let mut cluster = Cluster::start(3).await;
    cluster.nodes["n1"].client().put("a", "1").await.unwrap();
    cluster.assert_equal().await;
    cluster.stop("n2").await;
    cluster.stop("n3").await;
    cluster.stop("n1").await;
    let limits = ClientLimits { timeout: Duration::from_millis(300), ..ClientLimits::default() };
    let node = cluster.builder("n1").client_limits(limits).start().await.unwrap();
    let client = node.client();
    let error = client.put("a", "2").await.unwrap_err();
    assert_eq!(error.to_string(), "etcdserver: request timed out");
    let error = client.get("a").await.unwrap_err();
    assert_eq!(error.to_string(), "etcdserver: request timed out");
    let request = RangeRequest::of(KeyRange::single("a"));
    let read = client.range(request, Consistency::Serializable).await;
    assert!(read.expect("a serializable read needs nobody").revision <= 2);
}
