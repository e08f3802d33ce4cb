//! Starting a node: look at the folder, ask the peers, open, connect.

use std::io;
use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use kv_statemachine::{KvReader, KvStateMachine, MemberAttributes, Operation, Reply};
use raft_core::{Config, Incarnation, Index};
use raft_net::grpc::{self, GrpcTransport, Options, inquire};
use raft_net::{ForwardId, Identity, Peer};
use raft_storage::{LogStore, SnapshotStore, StateStore, StorageError};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Handle};

use super::builder::{NodeBuilder, StartError};
use super::changes::Desk;
use super::client::{Client, Inner};
use super::error::Error;
use super::folder::{self, Owner};
use super::member::{self, Founder};
use super::space::{Ballast, Disk, FolderRoom, Gate, Watch};
use super::watcher::{Watcher, peers, peers_of};
use super::{Net, Node, join};
use crate::driver::recovery::Stores;
use crate::driver::{DriverConfig, Found, RequestIds};
use crate::replica::Replica;
use crate::runtime::OwnRuntime;

/// How long an empty node waits for its peers to say that they know it.
const INQUIRY: Duration = Duration::from_secs(3);
/// Between two attempts to tell the cluster this member's name and URLs.
const PUBLISH_RETRY: Duration = Duration::from_millis(200);
/// One thread that carries frames between peers for each so many cores: it does
/// little, and two that hand tasks to each other cost more than they carry.
const CORES_FOR_A_NET_THREAD: usize = 4;
/// Connections of peers that may wait to be taken in.
const BACKLOG: u32 = 128;
/// Threads that serve large reads.
const READ_THREADS: usize = 8;

/// How the store's commands carry the ids of forwarded writes.
const REQUEST_IDS: RequestIds<Reply> = RequestIds { attach: ids::attach, of_reply: ids::of_reply };

/// Starts a node.
pub(super) async fn start(mut builder: NodeBuilder) -> Result<Node, StartError> {
    let own = builder.found()?;
    let runtime = NetRuntime::new()?;
    let (incarnation, seed) = (Incarnation(random()?), random()?);
    let is_new = builder.log_store.is_none() && folder::look(&builder.data_dir)?.is_none();
    let (owner, others) = match is_new && builder.joins {
        true => {
            let (owner, roll) = join::enrol(&runtime, &builder, &own).await?;
            (owner, peers_of(&roll.members))
        }
        false => {
            let owner = own_or_found(&builder, &own)?;
            let others = peers(&owner.bootstrap.membership);
            (owner, others)
        }
    };
    let mut identity =
        Identity { cluster: owner.cluster, node: owner.node, incarnation, storage: 0 };
    let reserved = reserve(&builder)?;
    if is_new {
        ask_peers(&runtime, &builder, &identity, others).await?;
    }

    // Opening may need the room that the ballast keeps.
    let disk = disk(&builder);
    let opened = runtime.blocking(move || open(builder, owner, seed)).await?;
    let Opened { mut builder, owner, log, storage, snapshots, state, machine } = opened;
    identity.storage = storage.unwrap_or(incarnation.0);

    let reader = machine.reader();
    let config = driver_config(&builder, &owner, incarnation, storage);
    let watcher = Arc::new(Watcher::new(Arc::clone(&builder.observer)));
    let stores = Stores { log, machine, snapshots };
    let threads = builder.threads.clone();
    let observer = Arc::clone(&watcher);
    let (replica, found) = runtime
        .blocking(move || Replica::start(&config, REQUEST_IDS, stores, &threads, observer))
        .await?;
    tell_what_was_found(&identity, &builder, &replica, &found, &reader);

    let net = connect(&mut builder, identity, reserved, &replica, &runtime)?;
    if let Some(transport) = net.transport() {
        replica.connect(Arc::clone(&transport));
        watcher.connect(transport, &replica.handle().status().membership);
    }
    let client = Client::new(Inner {
        replica: replica.handle(),
        reader,
        store: state,
        member: identity.node,
        cluster: identity.cluster,
        limits: builder.client_limits,
        quota: builder.quota,
        gate: Gate::new(),
        policy: builder.policy,
        changing: tokio::sync::Mutex::new(()),
        reclaiming: Arc::default(),
        transport: net.grpc(),
        pool: runtime.handle(),
    });
    if let Net::Grpc(transport) = &net {
        transport.serve_members(Arc::new(Desk::new(&client)));
    }
    let attributes = MemberAttributes { name: builder.name, client_urls: builder.client_urls };
    runtime.handle().spawn(publish(client.clone(), attributes));
    let watch = Watch::new(client.clone(), disk, builder.quota);
    let failed = |error| StartError::System { what: "threads cannot be started", error };
    runtime.handle().spawn(watch.map_err(failed)?.run());
    Ok(Node { replica, client, net, runtime })
}

/// The disk that the node's files lie on, if they are its own.
fn disk(builder: &NodeBuilder) -> Option<Disk> {
    if builder.log_store.is_some() && builder.room_source.is_none() {
        return None;
    }
    let source = builder.room_source.clone();
    let source = source.unwrap_or_else(|| {
        Arc::new(FolderRoom {
            folders: folder::all(&builder.data_dir),
            reserve: builder.disk_reserve,
        })
    });
    let ballast = Ballast::new(&builder.data_dir);
    let mut disk = Disk::new(builder.disk_reserve, source, ballast);
    disk.make_room_for_opening();
    Some(disk)
}

/// A node with data goes by its data; a new one by what it was given.
fn own_or_found(builder: &NodeBuilder, own: &Founder) -> Result<Owner, StartError> {
    let bootstrap = member::bootstrap(&builder.founders, &builder.token);
    let ids = bootstrap.membership.members.keys().copied();
    if bootstrap.membership.members.len() != builder.founders.len() {
        let text = "two members of the initial cluster have the same peer URLs";
        return Err(StartError::Config(text.to_owned()));
    }
    let cluster = member::cluster_id(ids);
    let node = member::member_id(&own.peer_urls, &builder.token);
    let found = match builder.log_store {
        Some(_) => None,
        None => folder::look(&builder.data_dir)?,
    };
    let (node, cluster) = found.map_or((node, cluster), |found| (found.node, found.cluster));
    Ok(Owner { node, cluster, bootstrap })
}

/// Takes the address for peers, and does not listen there yet: whoever dials is
/// refused, and knows that nobody is there, until the node is open and can answer.
/// Otherwise peers would wait for it to open before they replace a leader that was
/// restarted.
fn reserve(builder: &NodeBuilder) -> Result<Option<(SocketAddr, TcpSocket)>, StartError> {
    if builder.transport.is_some() {
        return Ok(None);
    }
    let Some(address) = builder.listen_peer else {
        if builder.founders.len() > 1 {
            let text = "a node with peers needs an address to listen for them";
            return Err(StartError::Config(text.to_owned()));
        }
        return Ok(None);
    };
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(socket)
    };
    let bound = bound().map_err(|error| StartError::Listen { address, error })?;
    Ok(Some((address, bound)))
}

/// An empty node was never there before, or it must not start (rule 13). Peers that
/// cannot be reached cannot tell; if they knew, they would refuse it later.
async fn ask_peers(
    runtime: &NetRuntime,
    builder: &NodeBuilder,
    identity: &Identity,
    others: Vec<Peer>,
) -> Result<(), StartError> {
    let mut answers = tokio::task::JoinSet::new();
    for peer in others {
        if peer.id != identity.node && builder.transport.is_none() {
            let identity = *identity;
            answers.spawn_on(
                async move {
                    let Peer { id, addresses, .. } = peer;
                    let options = Options::default();
                    let asked = inquire(&identity, &options, id, &addresses);
                    (id, tokio::time::timeout(INQUIRY, asked).await)
                },
                &runtime.handle(),
            );
        }
    }
    while let Some(answer) = answers.join_next().await {
        let Ok((told_by, Ok(Ok(grpc::Inquiry { storage, is_removed, .. })))) = answer else {
            continue;
        };
        if is_removed {
            let (member, told_by) = (identity.node.0, told_by.0);
            return Err(StartError::Removed { member, told_by });
        }
        if let Some(recorded) = storage {
            return Err(StartError::WasThereBefore {
                member: identity.node,
                recorded,
                folder: builder.data_dir.display().to_string(),
                told_by,
            });
        }
    }
    Ok(())
}

struct Opened {
    builder: NodeBuilder,
    owner: Owner,
    log: Box<dyn LogStore>,
    storage: Option<u64>,
    snapshots: Arc<dyn SnapshotStore>,
    state: Arc<dyn StateStore>,
    machine: KvStateMachine,
}

fn open(mut builder: NodeBuilder, owner: Owner, seed: u64) -> Result<Opened, StartError> {
    let (log, storage) = match builder.log_store.take() {
        Some(log) => (log, None),
        None => {
            let (log, storage) = folder::open_log(&builder.data_dir, &owner, seed)?;
            (log, Some(storage))
        }
    };
    let snapshots = match builder.snapshot_store.take() {
        Some(snapshots) => snapshots,
        None => folder::open_snapshots(&builder.data_dir)?,
    };
    let state = match builder.state_store.take() {
        Some(state) => state,
        None => open_state(&builder, &owner, seed, snapshots.as_ref())?,
    };
    // The log knows best what the node began with: one that joined began with nothing.
    let recovered = &log.recovered().log;
    let bootstrap = match recovered.base().index {
        Index::ZERO => recovered.meta_at(Index::ZERO),
        _ => None,
    };
    let bootstrap = bootstrap.unwrap_or_else(|| owner.bootstrap.clone());
    let machine = KvStateMachine::open(Arc::clone(&state), bootstrap)?;
    Ok(Opened { builder, owner, log, storage, snapshots, state, machine })
}

fn open_state(
    builder: &NodeBuilder,
    owner: &Owner,
    seed: u64,
    snapshots: &dyn SnapshotStore,
) -> Result<Arc<dyn StateStore>, StorageError> {
    let spaces = &KvStateMachine::SPACES;
    #[cfg(feature = "rocksdb")]
    if !builder.state_in_memory {
        return folder::open_state(&builder.data_dir, owner, seed, spaces);
    }
    // Without RocksDB there is nothing else.
    let _ = (builder, owner, seed);
    folder::state_in_memory(spaces, snapshots)
}

fn driver_config(
    builder: &NodeBuilder,
    owner: &Owner,
    incarnation: Incarnation,
    storage_id: Option<u64>,
) -> DriverConfig {
    let mut raft = Config::new(owner.node, incarnation);
    raft.election_timeout = builder.election_timeout;
    raft.heartbeat_interval = builder.heartbeat_interval;
    raft.pre_vote = builder.pre_vote;
    raft.limits = builder.raft_limits.clone();
    let limits = builder.driver_limits.clone();
    DriverConfig { storage_id, limits, ..DriverConfig::new(raft) }
}

fn tell_what_was_found(
    identity: &Identity,
    builder: &NodeBuilder,
    replica: &Replica<Reply>,
    found: &Found,
    reader: &KvReader,
) {
    let view = reader.view();
    let members = member::members(&replica.handle().status().membership);
    let peer_urls = members.get(&identity.node).map(|own| own.peer_urls.join(","));
    let listens = builder.listen_peer.map_or_else(|| "nowhere".to_owned(), |at| at.to_string());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        name = builder.name,
        member = format!("{:x}", identity.node.0),
        cluster = format!("{:x}", identity.cluster),
        peer_urls,
        listens_for_peers = listens,
        client_urls = builder.client_urls.join(","),
        data_dir = %builder.data_dir.display(),
        log_first = found.base.index.0 + 1,
        log_last = found.last.index.0,
        log_last_term = found.last.term.0,
        term = found.term.0,
        applied = view.applied().index.0,
        revision = view.revision(),
        keys = view.key_count(),
        cut_off_bytes = found.cut_off_bytes,
        finished_install = found.finished_install,
        "node opened"
    );
}

fn connect(
    builder: &mut NodeBuilder,
    identity: Identity,
    reserved: Option<(SocketAddr, TcpSocket)>,
    replica: &Replica<Reply>,
    runtime: &NetRuntime,
) -> Result<Net, StartError> {
    let failed = |error| StartError::System { what: "the transport cannot be started", error };
    if let Some(factory) = builder.transport.take() {
        let transport = factory(identity, replica.events(), &runtime.handle());
        return Ok(Net::Other(transport.map_err(failed)?));
    }
    let Some((address, socket)) = reserved else { return Ok(Net::Alone) };
    let listener = {
        let runtime = runtime.handle();
        let _entered = runtime.enter();
        socket.listen(BACKLOG).and_then(TcpListener::into_std)
    };
    let listener = listener.map_err(|error| StartError::Listen { address, error })?;
    let transport = GrpcTransport::start(
        &runtime.handle(),
        listener,
        identity,
        Options::default(),
        replica.events(),
    );
    Ok(Net::Grpc(Arc::new(transport.map_err(failed)?)))
}

/// Tells the cluster this member's name and URLs, until it knows them.
async fn publish(client: Client, attributes: MemberAttributes) {
    let member = client.header().member;
    let mut told = false;
    while !told {
        let attributes = attributes.clone();
        let operation = Operation::SetMemberAttributes { member, attributes };
        match client.write(operation).await {
            Ok(_) => told = true,
            Err(Error::Stopped) => return,
            Err(error) => {
                tracing::debug!(%error, "name and client URLs are not published yet");
                tokio::time::sleep(PUBLISH_RETRY).await;
            }
        }
    }
    tracing::info!(name = attributes.name, "name and client URLs are published");
}

fn random() -> Result<u64, StartError> {
    let failed = |error| StartError::System {
        what: "the system gives no random numbers",
        error: io::Error::other(error),
    };
    getrandom::u64().map_err(failed)
}

/// The threads of transport and large reads.
pub(super) struct NetRuntime(OwnRuntime);

impl NetRuntime {
    fn new() -> Result<NetRuntime, StartError> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let runtime = Builder::new_multi_thread()
            .thread_name("balsa-net")
            .worker_threads(cores.div_ceil(CORES_FOR_A_NET_THREAD))
            .max_blocking_threads(READ_THREADS)
            .enable_all()
            .build();
        let failed = |error| StartError::System { what: "threads cannot be started", error };
        Ok(NetRuntime(OwnRuntime::new(runtime.map_err(failed)?)))
    }

    pub(super) fn handle(&self) -> Handle {
        self.0.handle().clone()
    }

    /// Ends all tasks and waits for the threads.
    pub(super) async fn end(self) {
        self.0.end().await;
    }

    /// Does something slow on a thread for it.
    async fn blocking<T, E>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, StartError>
    where
        T: Send + 'static,
        E: Send + 'static,
        StartError: From<E>,
    {
        let done = self.handle().spawn_blocking(work).await;
        let failed =
            |error| StartError::System { what: "opening panicked", error: io::Error::other(error) };
        Ok(done.map_err(failed)??)
    }
}

/// The ids of forwarded writes inside the store's commands.
mod ids {
    use super::{ForwardId, Reply};
    use bytes::Bytes;
    use kv_statemachine::{RequestId, codec};

    pub fn attach(payload: Bytes, id: ForwardId) -> Bytes {
        let ForwardId { node, incarnation, counter } = id;
        codec::with_request_id(payload, RequestId { node, incarnation, counter })
    }

    pub fn of_reply(reply: &Reply) -> Option<ForwardId> {
        let RequestId { node, incarnation, counter } = reply.request_id?;
        Some(ForwardId { node, incarnation, counter })
    }
}
