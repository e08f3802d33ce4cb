//! What a node is started with.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use raft_core::{Config, Limits, NodeId};
use raft_net::{Identity, InvalidAddress, PeerAddress, Transport};
use raft_storage::{LogStore, SnapshotStore, StateStore, StorageError};
use tokio::runtime::Handle;

use super::change_rules::ChangePolicy;
use super::client::ClientLimits;
use super::member::Founder;
use super::space::{DiskReserve, RoomSource};
use super::{Node, start};
use crate::driver::{DriverLimits, OpenError};
use crate::replica::{EventSink, Observer, Threads, Unobserved};

/// Makes a transport: given who the node is, where its events go, and the runtime
/// that its tasks may use.
pub type TransportFactory =
    Box<dyn FnOnce(Identity, EventSink, &Handle) -> io::Result<Arc<dyn Transport>> + Send>;

/// Settings of a node; everything has a default that works. The defaults are those
/// of etcd: a single node `default` of the cluster `etcd-cluster`.
///
/// Each part can be replaced: the three stores, the transport, the observer.
pub struct NodeBuilder {
    pub(super) name: String,
    pub(super) data_dir: PathBuf,
    pub(super) token: String,
    pub(super) founders: Vec<Founder>,
    pub(super) client_urls: Vec<String>,
    pub(super) listen_peer: Option<SocketAddr>,
    pub(super) election_timeout: Duration,
    pub(super) heartbeat_interval: Duration,
    pub(super) pre_vote: bool,
    pub(super) raft_limits: Limits,
    pub(super) joins: bool,
    pub(super) policy: ChangePolicy,
    pub(super) driver_limits: DriverLimits,
    pub(super) client_limits: ClientLimits,
    pub(super) quota: Option<u64>,
    pub(super) disk_reserve: DiskReserve,
    pub(super) room_source: Option<Arc<dyn RoomSource>>,
    pub(super) threads: Threads,
    pub(super) state_in_memory: bool,
    pub(super) log_store: Option<Box<dyn LogStore>>,
    pub(super) state_store: Option<Arc<dyn StateStore>>,
    pub(super) snapshot_store: Option<Arc<dyn SnapshotStore>>,
    pub(super) transport: Option<TransportFactory>,
    pub(super) observer: Arc<dyn Observer>,
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting cannot work; says which.
    #[error("{0}")]
    Config(String),
    /// A peer's address cannot be dialled.
    #[error(transparent)]
    Address(#[from] InvalidAddress),
    /// A folder cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What the disks hold cannot be run.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The peer address is not free.
    #[error("cannot listen for peers on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's word.
        error: io::Error,
    },
    /// This member was there before, with another data folder. What it voted for
    /// and acknowledged is not in this one (rule 13).
    #[error(
        "member {member} was in the cluster before with the data folder {recorded:016x}, and \
         {folder} is empty: bring the old folder back, or remove the member and add it anew \
         (told by member {told_by})"
    )]
    WasThereBefore {
        /// This member.
        member: NodeId,
        /// Its old folder's id.
        recorded: u64,
        /// The empty folder.
        folder: String,
        /// Who knew it.
        told_by: NodeId,
    },
    /// The cluster that the node is to join does not know it, or cannot be asked.
    #[error("{0}")]
    Join(String),
    /// This member was removed from the cluster.
    #[error(
        "member {member:x} was removed from the cluster for good (told by member {told_by:x}): \
         to come back it must be added anew, and join with --initial-cluster-state existing"
    )]
    Removed {
        /// This member's id.
        member: u64,
        /// Whose word it is.
        told_by: u64,
    },
    /// The system gives no threads or no random numbers.
    #[error("{what}: {error}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// Why not.
        error: io::Error,
    },
}

impl Default for NodeBuilder {
    fn default() -> NodeBuilder {
        let config = Config::new(NodeId(1), raft_core::Incarnation(0));
        NodeBuilder {
            name: "default".to_owned(),
            data_dir: PathBuf::from("default.balsa"),
            token: "etcd-cluster".to_owned(),
            founders: Vec::new(),
            client_urls: Vec::new(),
            listen_peer: None,
            election_timeout: config.election_timeout,
            heartbeat_interval: config.heartbeat_interval,
            pre_vote: true,
            raft_limits: Limits { snapshot_entries: 100_000, ..Limits::default() },
            joins: false,
            policy: ChangePolicy::default(),
            driver_limits: DriverLimits::default(),
            client_limits: ClientLimits::default(),
            quota: None,
            disk_reserve: DiskReserve::default(),
            room_source: None,
            threads: Threads::default(),
            state_in_memory: false,
            log_store: None,
            state_store: None,
            snapshot_store: None,
            transport: None,
            observer: Arc::new(Unobserved),
        }
    }
}

impl NodeBuilder {
    /// The member's name, unique in its cluster.
    pub fn name(mut self, name: impl Into<String>) -> NodeBuilder {
        self.name = name.into();
        self
    }

    /// Where everything is kept; made if it is not there.
    pub fn data_dir(mut self, data_dir: impl Into<PathBuf>) -> NodeBuilder {
        self.data_dir = data_dir.into();
        self
    }

    /// What keeps clusters with the same addresses apart.
    pub fn cluster_token(mut self, token: impl Into<String>) -> NodeBuilder {
        self.token = token.into();
        self
    }

    /// A member that the cluster is founded with, this one included. All founders
    /// must be given the same; a node with data goes by its data. Without any, the
    /// node is alone, at `http://localhost:2380`.
    pub fn founder<U: Into<String>>(
        mut self,
        name: impl Into<String>,
        peer_urls: impl IntoIterator<Item = U>,
    ) -> NodeBuilder {
        let peer_urls = peer_urls.into_iter().map(Into::into).collect();
        self.founders.push(Founder { name: name.into(), peer_urls });
        self
    }

    /// The cluster runs already and this node was added to it: with an empty folder it
    /// asks the other members given with [`NodeBuilder::founder`], which are to be all
    /// that the cluster has now, for its id, and catches up from them. A node with data
    /// goes by its data.
    pub fn join_existing(mut self) -> NodeBuilder {
        self.joins = true;
        self
    }

    /// Which changes of members this node makes when it leads.
    pub fn change_policy(mut self, policy: ChangePolicy) -> NodeBuilder {
        self.policy = policy;
        self
    }

    /// Where clients reach the node; told to them by the list of members.
    pub fn client_urls<U: Into<String>>(
        mut self,
        urls: impl IntoIterator<Item = U>,
    ) -> NodeBuilder {
        self.client_urls = urls.into_iter().map(Into::into).collect();
        self
    }

    /// Where the node listens for its peers. One that is alone need not.
    pub fn listen_peer(mut self, address: SocketAddr) -> NodeBuilder {
        self.listen_peer = Some(address);
        self
    }

    /// A follower campaigns after hearing nothing for this long to one and a half times as long.
    pub fn election_timeout(mut self, timeout: Duration) -> NodeBuilder {
        self.election_timeout = timeout;
        self
    }

    /// How often a leader shows that it is there.
    pub fn heartbeat_interval(mut self, interval: Duration) -> NodeBuilder {
        self.heartbeat_interval = interval;
        self
    }

    /// Whether to ask before standing for election; yes by default.
    pub fn pre_vote(mut self, pre_vote: bool) -> NodeBuilder {
        self.pre_vote = pre_vote;
        self
    }

    /// A snapshot is taken after so many entries; 100,000 by default. Smaller
    /// numbers keep the log short, and write more.
    pub fn snapshot_entries(mut self, entries: u64) -> NodeBuilder {
        self.raft_limits.snapshot_entries = entries;
        self
    }

    /// The bounds of the protocol.
    pub fn raft_limits(mut self, limits: Limits) -> NodeBuilder {
        self.raft_limits = limits;
        self
    }

    /// The bounds of the driver.
    pub fn driver_limits(mut self, limits: DriverLimits) -> NodeBuilder {
        self.driver_limits = limits;
        self
    }

    /// The bounds of clients.
    pub fn client_limits(mut self, limits: ClientLimits) -> NodeBuilder {
        self.client_limits = limits;
        self
    }

    /// How many bytes the state may take before puts are refused and the alarm NOSPACE is
    /// raised; `None`, the default: as many as there are.
    pub fn quota_bytes(mut self, quota: Option<u64>) -> NodeBuilder {
        self.quota = quota;
        self
    }

    /// How much room is kept on the file systems of the data folder: with less, puts are
    /// refused and the alarm NOSPACE is raised, until twice as much is free.
    pub fn disk_reserve(mut self, reserve: DiskReserve) -> NodeBuilder {
        self.disk_reserve = reserve;
        self
    }

    /// What tells how much room there is, instead of the file systems.
    pub fn room_source(mut self, source: Arc<dyn RoomSource>) -> NodeBuilder {
        self.room_source = Some(source);
        self
    }

    /// Which workers share a thread.
    pub fn threads(mut self, threads: Threads) -> NodeBuilder {
        self.threads = threads;
        self
    }

    /// Keeps the state in memory: log and snapshots are as durable as ever, and a
    /// start takes as long as reading them.
    pub fn state_in_memory(mut self) -> NodeBuilder {
        self.state_in_memory = true;
        self
    }

    /// A log store of the caller's own.
    pub fn log_store(mut self, store: impl LogStore + 'static) -> NodeBuilder {
        self.log_store = Some(Box::new(store));
        self
    }

    /// A state store of the caller's own, opened with the spaces
    /// [`KvStateMachine::SPACES`](kv_statemachine::KvStateMachine::SPACES).
    pub fn state_store(mut self, store: Arc<dyn StateStore>) -> NodeBuilder {
        self.state_store = Some(store);
        self
    }

    /// A snapshot store of the caller's own.
    pub fn snapshot_store(mut self, store: Arc<dyn SnapshotStore>) -> NodeBuilder {
        self.snapshot_store = Some(store);
        self
    }

    /// A transport of the caller's own, instead of gRPC.
    pub fn transport(mut self, factory: TransportFactory) -> NodeBuilder {
        self.transport = Some(factory);
        self
    }

    /// Who is told what happens.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> NodeBuilder {
        self.observer = observer;
        self
    }

    /// Starts the node. It is up when this returns, but leads or follows nobody
    /// yet: [`Client::ready`](crate::Client::ready) waits for that.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start(self) -> Result<Node, StartError> {
        start::start(self).await
    }

    /// This member among the founders; those of a node that is alone are itself.
    pub(super) fn found(&mut self) -> Result<Founder, StartError> {
        if self.founders.is_empty() {
            let peer_urls = vec!["http://localhost:2380".to_owned()];
            self.founders.push(Founder { name: self.name.clone(), peer_urls });
        }
        for founder in &self.founders {
            let texts = founder.peer_urls.iter().chain([&founder.name]);
            if texts.clone().any(|text| text.contains(char::is_control)) {
                let name = &founder.name;
                return Err(StartError::Config(format!(
                    "member {name:?}: name and URLs must not hold control characters"
                )));
            }
            if founder.peer_urls.is_empty() {
                let name = &founder.name;
                return Err(StartError::Config(format!("member {name:?} has no peer URL")));
            }
            for url in &founder.peer_urls {
                url.parse::<PeerAddress>()?;
            }
        }
        let is_own = |founder: &&Founder| founder.name == self.name;
        let mut own = self.founders.iter().filter(is_own);
        match (own.next(), own.next()) {
            (Some(founder), None) => Ok(founder.clone()),
            (None, _) => Err(StartError::Config(format!(
                "{:?} is not among the members of the initial cluster",
                self.name
            ))),
            (Some(_), Some(_)) => Err(StartError::Config(format!(
                "{:?} is twice among the members of the initial cluster",
                self.name
            ))),
        }
    }
}
