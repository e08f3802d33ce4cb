//! A cluster that a test may break.

use std::ffi::OsString;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bench::process::{Cluster, Options, ProcessError};
use tempfile::TempDir;

use super::{LIMIT, programs};

/// One town at a time: several clusters on few processors would hold elections
/// for want of time, and a test would be about the scheduler.
static ALONE: Mutex<()> = Mutex::new(());

/// A cluster with a folder of its own, alone on the machine as far as these tests
/// decide that. It is a [`Cluster`] in all else.
pub struct Town {
    cluster: Cluster,
    folder: TempDir,
    // Dropped last: the next town begins when nothing of this one is left.
    _alone: MutexGuard<'static, ()>,
}

impl Town {
    /// Nodes of the tested program that serve, started with these flags besides
    /// those that make them members.
    pub async fn start(nodes: usize, args: &[&str]) -> Self {
        Self::start_with_env(nodes, args, &[]).await
    }

    /// As [`start`](Self::start), with nodes of another program.
    pub async fn start_on(program: &Path, nodes: usize, args: &[&str]) -> Self {
        let mut town = Self::unstarted_on(program, nodes, args, &[]);
        town.start_all().await;
        town
    }

    /// As [`start`](Self::start), with these variables in the nodes' environment.
    pub async fn start_with_env(nodes: usize, args: &[&str], env: &[(&str, OsString)]) -> Self {
        let mut town = Self::unstarted(nodes, args, env);
        town.start_all().await;
        town
    }

    /// Nodes that are not started yet.
    pub fn unstarted(nodes: usize, args: &[&str], env: &[(&str, OsString)]) -> Self {
        Self::unstarted_on(&programs::balsa(), nodes, args, env)
    }

    fn unstarted_on(program: &Path, nodes: usize, args: &[&str], env: &[(&str, OsString)]) -> Self {
        // Poisoned by a test that failed, which says nothing about this one.
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = TempDir::with_prefix("balsa-process-").expect("a temporary folder");
        let cluster = Cluster::new(&Options {
            program: program.to_owned(),
            nodes,
            folder: folder.path().to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: env.iter().map(|(name, value)| (name.into(), value.clone())).collect(),
        });
        Self { cluster, folder, _alone: alone }
    }

    /// Where the nodes keep their data and their logs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the nodes that do not run and waits until all serve.
    pub async fn start_all(&mut self) {
        self.try_start_all().await.expect("nodes start and serve");
    }

    /// As [`start_all`](Self::start_all), for nodes that may refuse.
    pub async fn try_start_all(&mut self) -> Result<(), ProcessError> {
        self.cluster.start()?;
        self.cluster.ready(LIMIT).await
    }

    /// Starts a node and waits until it serves.
    pub async fn start_node(&mut self, node: usize) {
        self.process(node).start().expect("the node starts");
        self.cluster.ready_node(node, LIMIT).await.expect("the node serves");
    }

    /// Kills a node with SIGKILL.
    pub fn kill_node(&mut self, node: usize) {
        self.process(node).kill().expect("the node can be killed");
    }

    /// The node that leads, awaited if there is none.
    pub async fn wait_leader(&mut self) -> usize {
        self.cluster.leader(LIMIT).await.expect("somebody leads")
    }

    /// The node other than this one that leads, awaited if there is none.
    pub async fn wait_other_leader(&mut self, than: usize) -> usize {
        let others = self.others(than);
        let what = format!("a leader other than node {}", than + 1);
        self.until(&what, LIMIT, async |cluster| {
            for node in &others {
                let status = cluster.status(*node).await?;
                let own_id = status.header.map(|header| header.member_id);
                if own_id == Some(status.leader) {
                    return Ok(Some(*node));
                }
            }
            Ok(None)
        })
        .await
        .expect("another leads")
    }

    /// The highest term that a node knows.
    pub async fn term(&self) -> u64 {
        let mut highest = 0;
        for node in self.running() {
            let status = self.status(node).await.expect("the node answers");
            highest = highest.max(status.raft_term);
        }
        highest
    }

    /// The cluster's id.
    pub async fn cluster_id(&self, node: usize) -> u64 {
        let status = self.status(node).await.expect("the node answers");
        status.header.expect("has a header").cluster_id
    }

    /// A node's id.
    pub async fn id(&self, node: usize) -> u64 {
        let status = self.status(node).await.expect("the node answers");
        status.header.expect("has a header").member_id
    }

    /// The nodes but one.
    pub fn others(&self, node: usize) -> Vec<usize> {
        (0..self.size()).filter(|other| *other != node).collect()
    }
}

impl Deref for Town {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl DerefMut for Town {
    fn deref_mut(&mut self) -> &mut Cluster {
        &mut self.cluster
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the nodes' logs end with:\n{}", self.cluster.log_ends());
        }
    }
}
