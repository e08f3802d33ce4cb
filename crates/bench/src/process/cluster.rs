//! Several processes that form one cluster.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use proto::etcdserverpb::{RangeRequest, StatusResponse};
use tonic::Status;

use super::address::loopback;
use super::child::{Process, Spec};
use super::error::ProcessError;
use crate::client::Connection;

/// How long a condition that is not met yet is left alone.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How long one question to a node may take.
const ONE_CALL: Duration = Duration::from_secs(2);

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// The node program: `balsa`, `etcd`, or whatever takes etcd's flags.
    pub program: PathBuf,
    /// How many nodes, one at least.
    pub nodes: usize,
    /// Where the nodes keep their data (in `n1`, `n2` and so on) and their logs.
    pub folder: PathBuf,
    /// Flags for each node, besides those that make it a member.
    pub args: Vec<String>,
    /// What is added to each node's environment.
    pub env: Vec<(OsString, OsString)>,
}

/// Nodes on one loopback address that nobody else has: node i, counted from 0,
/// serves clients on port 2379 + 10 i and its peers on the next one.
///
/// Nodes are counted from 0; an index that is too large is a mistake of the
/// caller and panics.
#[derive(Debug)]
pub struct Cluster {
    options: Options,
    ip: Ipv4Addr,
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    process: Process,
    endpoint: String,
    connection: Connection,
}

impl Cluster {
    /// Nodes that are not yet started.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, on whose timers the connections stand.
    pub fn new(options: &Options) -> Self {
        let ip = loopback();
        let members: Vec<String> = (0..options.nodes)
            .map(|node| format!("{}={}", name(node), peer_url(ip, node)))
            .collect();
        let members = members.join(",");
        let founder = |node| Node::new(options, ip, node, &members, "new");
        let nodes = (0..options.nodes).map(founder).collect();
        Self { options: options.clone(), ip, nodes }
    }

    /// Adds a node that joins a cluster of these members when it is started, and returns
    /// its number. The cluster has to be told of it before: this is only its process.
    pub fn join(&mut self, members: &[usize]) -> usize {
        let node = self.nodes.len();
        let joined = self.joining(node, members);
        self.nodes.push(joined);
        node
    }

    /// Lets a node that does not run join a cluster of these members at its next start,
    /// with the addresses that it had.
    pub fn rejoin(&mut self, node: usize, members: &[usize]) {
        self.nodes[node] = self.joining(node, members);
    }

    /// Where a node's peers reach it, there or not.
    pub fn peer_url(&self, node: usize) -> String {
        peer_url(self.ip, node)
    }

    /// The nodes that were started and not ended since.
    pub fn running(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|node| self.nodes[*node].process.is_started()).collect()
    }

    fn joining(&self, node: usize, members: &[usize]) -> Node {
        let all = members.iter().copied().filter(|member| *member != node).chain([node]);
        let all = all.map(|member| format!("{}={}", name(member), self.peer_url(member)));
        let all = all.collect::<Vec<_>>().join(",");
        Node::new(&self.options, self.ip, node, &all, "existing")
    }

    /// How many nodes it has, those that do not run included.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// The nodes' client addresses, as `host:port`.
    pub fn endpoints(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.endpoint.clone()).collect()
    }

    /// The process of a node.
    pub fn process(&mut self, node: usize) -> &mut Process {
        &mut self.nodes[node].process
    }

    /// The client connection to a node.
    pub fn connection(&self, node: usize) -> Connection {
        self.nodes[node].connection.clone()
    }

    /// The ids of the processes that run.
    pub fn pids(&self) -> Vec<u32> {
        self.nodes.iter().filter_map(|node| node.process.pid()).collect()
    }

    /// Starts all nodes that do not run.
    ///
    /// # Errors
    ///
    /// As [`Process::start`].
    pub fn start(&mut self) -> Result<(), ProcessError> {
        self.nodes.iter_mut().try_for_each(|node| node.process.start())
    }

    /// Kills all nodes that run, one right after the other.
    ///
    /// # Errors
    ///
    /// As [`Process::kill`].
    pub fn kill(&mut self) -> Result<(), ProcessError> {
        self.nodes.iter_mut().try_for_each(|node| node.process.kill())
    }

    /// Waits until each node that was started serves a linearizable read.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Ended`] if one ended by itself, [`ProcessError::TooLate`].
    pub async fn ready(&mut self, limit: Duration) -> Result<(), ProcessError> {
        for node in 0..self.nodes.len() {
            if self.nodes[node].process.is_started() {
                self.ready_node(node, limit).await?;
            }
        }
        Ok(())
    }

    /// Waits until one node serves a linearizable read.
    ///
    /// # Errors
    ///
    /// As [`ready`](Self::ready).
    pub async fn ready_node(&mut self, node: usize, limit: Duration) -> Result<(), ProcessError> {
        let mut connection = self.connection(node);
        let what = format!("a linearizable read on {}", name(node));
        self.until(&what, limit, async |_| {
            let request = RangeRequest { key: "ready".into(), ..RangeRequest::default() };
            connection.range(request, ONE_CALL).await.map(Some)
        })
        .await
        .map(drop)
    }

    /// Waits until some node that runs says that it leads, and returns it.
    ///
    /// # Errors
    ///
    /// As [`ready`](Self::ready).
    pub async fn leader(&mut self, limit: Duration) -> Result<usize, ProcessError> {
        self.until("a leader", limit, async |cluster| Ok(cluster.leader_now().await)).await
    }

    /// Waits until a question has an answer: asks it again and again until it
    /// gives one. A question that gives none and one that fails are the same,
    /// but that the failure is told in the end.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Ended`] if a node ended by itself, [`ProcessError::TooLate`].
    pub async fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut ask: impl AsyncFnMut(&Self) -> Result<Option<T>, Status>,
    ) -> Result<T, ProcessError> {
        let began = Instant::now();
        loop {
            let last = match ask(self).await {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => "the nodes answer, but not so".to_owned(),
                Err(status) => format!("{}: {}", status.code(), status.message()),
            };
            self.nodes.iter_mut().try_for_each(|node| node.process.check())?;
            if began.elapsed() >= limit {
                let (what, log) = (what.to_owned(), self.log_ends());
                return Err(ProcessError::TooLate { what, limit, last, log });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// What a node says of itself.
    ///
    /// # Errors
    ///
    /// The node's answer, or that there was none within two seconds.
    pub async fn status(&self, node: usize) -> Result<StatusResponse, Status> {
        self.connection(node).status(ONE_CALL).await
    }

    /// The ends of all nodes' logs.
    pub fn log_ends(&self) -> String {
        let end = |node: &Node| {
            let spec = node.process.spec();
            format!("--- {} ({})\n{}\n", spec.name, spec.log.display(), node.process.log_end())
        };
        self.nodes.iter().map(end).collect()
    }

    /// The node that says that it leads, in the highest term if several do.
    async fn leader_now(&self) -> Option<usize> {
        let mut found: Option<(u64, usize)> = None;
        for node in (0..self.nodes.len()).filter(|node| self.nodes[*node].process.is_started()) {
            let Ok(status) = self.status(node).await else { continue };
            let own_id = status.header.map_or(0, |header| header.member_id);
            if own_id != 0 && status.leader == own_id {
                found = found.max(Some((status.raft_term, node)));
            }
        }
        found.map(|(_, node)| node)
    }
}

impl Node {
    fn new(options: &Options, ip: Ipv4Addr, node: usize, members: &str, state: &str) -> Self {
        let endpoint = format!("{ip}:{}", client_port(node));
        let client_url = format!("http://{endpoint}");
        let peer_url = peer_url(ip, node);
        let data = options.folder.join(name(node));
        let flags = [
            ("--name", OsString::from(name(node))),
            ("--data-dir", data.into_os_string()),
            ("--listen-client-urls", client_url.clone().into()),
            ("--advertise-client-urls", client_url.into()),
            ("--listen-peer-urls", peer_url.clone().into()),
            ("--initial-advertise-peer-urls", peer_url.into()),
            ("--initial-cluster", members.into()),
            ("--initial-cluster-state", state.into()),
            ("--initial-cluster-token", format!("cluster-{ip}").into()),
        ];
        let flags = flags.into_iter().flat_map(|(flag, value)| [flag.into(), value]);
        let spec = Spec {
            name: name(node),
            program: options.program.clone(),
            args: flags.chain(options.args.iter().map(OsString::from)).collect(),
            env: options.env.clone(),
            log: options.folder.join(format!("{}.log", name(node))),
        };
        let connection = Connection::new(&endpoint);
        Self { process: Process::new(spec), endpoint, connection }
    }
}

fn name(node: usize) -> String {
    format!("n{}", node + 1)
}

fn client_port(node: usize) -> usize {
    2379 + 10 * node
}

fn peer_url(ip: Ipv4Addr, node: usize) -> String {
    format!("http://{ip}:{}", client_port(node) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(300);

    fn options(program: &str, folder: PathBuf) -> Options {
        Options { program: program.into(), nodes: 2, folder, args: vec![], env: vec![] }
    }

    #[tokio::test]
    async fn a_node_knows_all_members() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut cluster = Cluster::new(&options("/bin/true", folder.path().into()));
        let endpoints = cluster.endpoints();
        assert!(endpoints[0].ends_with(":2379") && endpoints[1].ends_with(":2389"));
        let ip = endpoints[0].split(':').next().expect("host:port").to_owned();
        let args = &cluster.process(1).spec().args;
        let members = OsString::from(format!("n1=http://{ip}:2380,n2=http://{ip}:2390"));
        assert!(args.contains(&members), "{args:?}");
    }

    #[tokio::test]
    async fn a_node_that_ends_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut cluster = Cluster::new(&options("/bin/false", folder.path().into()));
        cluster.start().expect("starts");
        let error = cluster.ready(Duration::from_secs(30)).await.expect_err("ended");
        assert!(matches!(error, ProcessError::Ended { .. }), "{error}");
    }

    #[tokio::test]
    async fn what_never_comes_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut cluster = Cluster::new(&options("/bin/false", folder.path().into()));
        let error = cluster.leader(LIMIT).await.expect_err("nothing runs");
        let text = error.to_string();
        assert!(text.contains("a leader did not come about within 300ms"), "{text}");
    }
}
