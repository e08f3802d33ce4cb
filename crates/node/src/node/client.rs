//! Asking a node from inside its process.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kv_statemachine::{
    Command, CompactRequest, CompactResponse, DeleteRangeRequest, DeleteRangeResponse, HashKv,
    KeyRange, KeyValue, KvReader, KvView, Operation, PutRequest, PutResponse, RangeRequest,
    RangeResponse, Response, StateHash, TxnRequest, TxnResponse, check_delete_range, check_put,
    check_range, check_txn, codec, cost_bytes,
};
use raft_core::{Membership, NodeId, Term};
use raft_net::MemberStatus;
use raft_net::grpc::{GrpcTransport, PeerCounts};
use raft_storage::StateStore;
use tokio_util::task::AbortOnDropHandle;

use super::change_rules::ChangePolicy;
use super::error::{Error, Verdict, judge};
use super::member;
use super::space::Gate;
use super::status::{Header, NodeStatus};
use crate::replica::{CallError, ReplicaHandle};

/// The largest time between two looks at whether somebody leads.
pub(super) const RETRY: Duration = Duration::from_millis(20);
/// A range that may read more keys than this goes to the pool for reads.
const FEW_KEYS: i64 = 64;
/// How often a physical compaction looks whether it is done.
const COMPACTION_POLL: Duration = Duration::from_millis(10);

/// How fresh a read has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// It shows all that was acknowledged anywhere before it began.
    #[default]
    Linearizable,
    /// It shows what this node has, however old.
    Serializable,
}

/// A client's bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// How long a request may take.
    pub timeout: Duration,
    /// Bytes of an encoded write.
    pub request_bytes: usize,
    /// Steps in each branch of a transaction.
    pub txn_ops: u64,
}

impl Default for ClientLimits {
    /// etcd's.
    fn default() -> ClientLimits {
        ClientLimits { timeout: Duration::from_secs(7), request_bytes: 1536 * 1024, txn_ops: 128 }
    }
}

/// Asks a node of the own process; clones ask the same one. A call may come from
/// any async task; writes go through whatever node leads, and reads are served here.
///
/// A request that is certainly not done because nobody leads is asked again until
/// its time is over. One that may have been done never is: its error says so.
#[derive(Clone)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub replica: ReplicaHandle<kv_statemachine::Reply>,
    pub reader: KvReader,
    pub store: Arc<dyn StateStore>,
    pub member: NodeId,
    pub cluster: u64,
    pub limits: ClientLimits,
    /// How many bytes the state may take.
    pub quota: Option<u64>,
    /// Refuses puts while this node is short of space.
    pub gate: Gate,
    /// Which changes of members are made here.
    pub policy: ChangePolicy,
    /// Held while this node, which leads, makes one.
    pub changing: tokio::sync::Mutex<()>,
    /// Held while space is given back.
    pub reclaiming: Arc<tokio::sync::Mutex<()>>,
    /// Gone if the node has none, or has ended.
    pub transport: Weak<GrpcTransport>,
    /// Runs what reads much.
    pub pool: tokio::runtime::Handle,
}

/// A range that may be read now: it will show all that it has to.
pub(crate) struct ReadyRange {
    view: KvView,
    request: RangeRequest,
    /// Whether it is read on the caller's task.
    pub is_little: bool,
}

impl Client {
    pub(super) fn new(inner: Inner) -> Client {
        Client { inner: Arc::new(inner) }
    }

    /// Writes a key.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn put(
        &self,
        key: impl Into<Bytes>,
        value: impl Into<Bytes>,
    ) -> Result<PutResponse, Error> {
        self.put_with(PutRequest::of(key, value)).await
    }

    /// Reads a key, linearizably.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn get(&self, key: impl Into<Bytes>) -> Result<Option<KeyValue>, Error> {
        let request = RangeRequest::of(KeyRange::single(key));
        Ok(self.range(request, Consistency::Linearizable).await?.kvs.pop())
    }

    /// Deletes a key; tells whether it was there.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn delete(&self, key: impl Into<Bytes>) -> Result<bool, Error> {
        let request = DeleteRangeRequest { range: KeyRange::single(key), prev_kv: false };
        Ok(self.delete_range(request).await?.deleted > 0)
    }

    /// Writes a key, with all options.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn put_with(&self, request: PutRequest) -> Result<PutResponse, Error> {
        check_put(&request)?;
        match self.write(Operation::Put(request)).await? {
            Response::Put(response) => Ok(response),
            _ => unreachable!("a put is answered as one"),
        }
    }

    /// Reads keys.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn range(
        &self,
        request: RangeRequest,
        consistency: Consistency,
    ) -> Result<RangeResponse, Error> {
        self.read_range(self.ready_range(request, consistency).await?).await
    }

    /// Waits until a range may be read.
    pub(crate) async fn ready_range(
        &self,
        request: RangeRequest,
        consistency: Consistency,
    ) -> Result<ReadyRange, Error> {
        check_range(&request)?;
        let is_little = request.range.is_single() || (1..=FEW_KEYS).contains(&request.limit);
        Ok(ReadyRange { view: self.view(consistency).await?, request, is_little })
    }

    /// Reads a range that may be read.
    pub(crate) async fn read_range(&self, range: ReadyRange) -> Result<RangeResponse, Error> {
        let ReadyRange { view, request, is_little } = range;
        self.read(is_little, view, move |view| Ok(view.range(&request)?)).await
    }

    /// Deletes keys.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn delete_range(
        &self,
        request: DeleteRangeRequest,
    ) -> Result<DeleteRangeResponse, Error> {
        check_delete_range(&request)?;
        match self.write(Operation::DeleteRange(request)).await? {
            Response::DeleteRange(response) => Ok(response),
            _ => unreachable!("a deletion is answered as one"),
        }
    }

    /// Performs a transaction. One that only reads does not go through the log;
    /// `consistency` counts for such a one only.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn txn(
        &self,
        request: TxnRequest,
        consistency: Consistency,
    ) -> Result<TxnResponse, Error> {
        check_txn(&request, self.inner.limits.txn_ops)?;
        if request.is_read_only() {
            let view = self.view(consistency).await?;
            return self.read(false, view, move |view| Ok(view.txn(&request)?)).await;
        }
        match self.write(Operation::Txn(request)).await? {
            Response::Txn(response) => Ok(response),
            _ => unreachable!("a transaction is answered as one"),
        }
    }

    /// Gives up the history below a revision. `physical` waits until this node has
    /// removed it.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn compact(&self, revision: i64, physical: bool) -> Result<CompactResponse, Error> {
        let began = Instant::now();
        let operation = Operation::Compact(CompactRequest { revision });
        let Response::Compact(response) = self.write(operation).await? else {
            unreachable!("a compaction is answered as one")
        };
        while physical && !self.inner.reader.view().is_compaction_finished() {
            if began.elapsed() > self.inner.limits.timeout {
                return Err(Error::TimedOut);
            }
            self.sleep(COMPACTION_POLL).await;
        }
        Ok(response)
    }

    /// etcd's hash of all versions up to a revision; 0 means the latest.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn hash_kv(&self, revision: i64) -> Result<HashKv, Error> {
        let view = self.inner.reader.view();
        self.read(false, view, move |view| Ok(view.hash_kv(revision)?)).await
    }

    /// A hash over everything in the store, with the index that it is of.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn state_hash(&self) -> Result<(raft_core::Index, StateHash), Error> {
        let view = self.inner.reader.view();
        self.read(false, view, |view| {
            let hash = view.state_hash().map_err(|error| Error::Storage(error.to_string()))?;
            Ok((view.applied().index, hash))
        })
        .await
    }

    /// The members of the cluster.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn members(&self, consistency: Consistency) -> Result<Vec<MemberStatus>, Error> {
        let view = self.view(consistency).await?;
        self.inner.members_as_of(&view, &self.inner.replica.status().membership)
    }

    /// What goes into the header of an answer.
    pub fn header(&self) -> Header {
        let term = self.inner.replica.office().borrow().term;
        self.header_in(term)
    }

    /// The latest revision that this node has applied.
    pub fn revision(&self) -> i64 {
        self.inner.reader.view().revision()
    }

    /// The node's state.
    pub fn status(&self) -> NodeStatus {
        let status = self.inner.replica.status();
        let view = self.inner.reader.view();
        NodeStatus {
            header: self.header_in(status.ballot.term),
            role: status.role,
            leader: status.leader,
            commit: status.commit,
            applied: status.applied,
            revision: view.revision(),
            db_bytes: self.inner.store.size_bytes(),
            keys: view.key_count(),
            quota_bytes: self.inner.quota,
            free_bytes: self.inner.gate.free_bytes(),
            alarms: view.alarms().iter().map(|(alarm, _)| alarm).collect(),
            waiting: self.inner.replica.waiting(),
        }
    }

    /// Counts of what went to and came from each peer; none without gRPC.
    pub fn peer_counts(&self) -> BTreeMap<NodeId, PeerCounts> {
        self.inner.transport.upgrade().map(|transport| transport.counts()).unwrap_or_default()
    }

    /// How many connections to the peer port brought no sound call, or broke; none
    /// without gRPC.
    pub fn peer_connections_broken(&self) -> u64 {
        let transport = self.inner.transport.upgrade();
        transport.map(|transport| transport.connections_broken()).unwrap_or_default()
    }

    /// Whether somebody is known to lead.
    pub fn has_leader(&self) -> bool {
        self.inner.replica.office().borrow().leader.is_some()
    }

    /// Waits until this node can serve linearizable reads, hence somebody leads.
    ///
    /// # Errors
    ///
    /// If that takes longer than a request may.
    pub async fn ready(&self) -> Result<(), Error> {
        self.view(Consistency::Linearizable).await.map(|_| ())
    }

    /// The protocol's side of the node.
    pub fn replica(&self) -> &ReplicaHandle<kv_statemachine::Reply> {
        &self.inner.replica
    }

    pub(super) async fn write(&self, operation: Operation) -> Result<Response, Error> {
        // What would be refused must not fill the log before that.
        self.inner.reader.alarms().permit(&operation)?;
        let cost = cost_bytes(&operation);
        let payload = codec::encode(&Command::new(operation));
        if payload.len() > self.inner.limits.request_bytes {
            return Err(Error::TooLarge);
        }
        self.inner.gate.admit(cost)?;
        let ask = |timeout| {
            let replica = self.inner.replica.clone();
            let payload = payload.clone();
            async move { replica.write(codec::FORMAT, payload, timeout).await }
        };
        let (_, reply) = self.until_done(ask).await?;
        Ok(reply.outcome?)
    }

    /// The state to read from.
    pub(super) async fn view(&self, consistency: Consistency) -> Result<KvView, Error> {
        if consistency == Consistency::Linearizable {
            let ask = |timeout| {
                let replica = self.inner.replica.clone();
                async move { replica.read_index(timeout).await }
            };
            self.until_done(ask).await?;
        }
        Ok(self.inner.reader.view())
    }

    /// Asks until it is done, certainly cannot be done, or may have been done.
    async fn until_done<T, F>(&self, ask: impl Fn(Duration) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let began = Instant::now();
        let limit = self.inner.limits.timeout;
        loop {
            let error = match ask(limit.saturating_sub(began.elapsed())).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            match judge(error) {
                Verdict::Tell(error) => return Err(error),
                Verdict::Again if began.elapsed() + RETRY >= limit => return Err(Error::TimedOut),
                Verdict::Again => self.wait_for_change().await,
            }
        }
    }

    /// Waits until somebody else leads, or for a moment.
    pub(super) async fn wait_for_change(&self) {
        let mut office = self.inner.replica.office();
        tokio::select! {
            _ = office.changed() => {}
            () = self.sleep(RETRY) => {}
        }
    }

    /// Sleeps on the node's own clockwork: the caller may use any async runtime.
    fn sleep(&self, time: Duration) -> tokio::time::Sleep {
        let _entered = self.inner.pool.enter();
        tokio::time::sleep(time)
    }

    /// Reads on this task if it is little, else in the pool.
    async fn read<T: Send + 'static>(
        &self,
        is_little: bool,
        view: KvView,
        read: impl FnOnce(&KvView) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if is_little {
            return read(&view);
        }
        let task = self.inner.pool.spawn_blocking(move || read(&view));
        // A read that has not begun when nobody waits for it any more is not made.
        AbortOnDropHandle::new(task).await.unwrap_or(Err(Error::Stopped))
    }

    fn header_in(&self, term: Term) -> Header {
        Header { cluster: self.inner.cluster, member: self.inner.member, term }
    }
}

impl Inner {
    /// The members of a membership, with what they told of themselves.
    pub fn members_of(&self, membership: &Membership) -> Result<Vec<MemberStatus>, Error> {
        self.members_as_of(&self.reader.view(), membership)
    }

    fn members_as_of(
        &self,
        view: &KvView,
        membership: &Membership,
    ) -> Result<Vec<MemberStatus>, Error> {
        let attributes = view.member_attributes();
        let attributes = attributes.map_err(|error| Error::Storage(error.to_string()))?;
        let told = |id: NodeId| attributes.iter().find(|(of, _)| *of == id).map(|(_, told)| told);
        let status = |(id, founder): (NodeId, member::Founder)| MemberStatus {
            id,
            name: told(id).map_or(founder.name, |told| told.name.clone()),
            peer_urls: founder.peer_urls,
            client_urls: told(id).map(|told| told.client_urls.clone()).unwrap_or_default(),
            is_learner: membership.is_learner(id),
        };
        Ok(member::members(membership).into_iter().map(status).collect())
    }
}
