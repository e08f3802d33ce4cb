//! A connection to one node, and the calls that tests and loads make on it.
//!
//! A connection is cheap to clone; all clones share one HTTP/2 connection, on
//! which their calls run side by side. It is made at the first call and made again
//! after it broke. Nothing is tried twice: who writes must know what was
//! acknowledged.

mod whole;

use std::io::{self, ErrorKind};
use std::time::Duration;

use proto::etcdserverpb::alarm_request::AlarmAction;
use proto::etcdserverpb::cluster_client::ClusterClient;
use proto::etcdserverpb::kv_client::KvClient;
use proto::etcdserverpb::maintenance_client::MaintenanceClient;
use proto::etcdserverpb::{
    AlarmRequest, CompactionRequest, DefragmentRequest, DeleteRangeRequest, DeleteRangeResponse,
    HashKvRequest, HashKvResponse, Member, MemberAddRequest, MemberListRequest,
    MemberPromoteRequest, MemberRemoveRequest, MoveLeaderRequest, PutRequest, PutResponse,
    RangeRequest, RangeResponse, StatusRequest, StatusResponse, TxnRequest, TxnResponse,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(2);

/// The largest answer that is taken, in bytes: a page of a read of everything.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// A connection to one node.
#[derive(Clone, Debug)]
pub struct Connection {
    kv: KvClient<Channel>,
    maintenance: MaintenanceClient<Channel>,
    cluster: ClusterClient<Channel>,
}

impl Connection {
    /// A connection to `host:port`, made when it is first used.
    ///
    /// # Panics
    ///
    /// If this is no address, and outside a tokio runtime.
    pub fn new(endpoint: &str) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{endpoint}"))
            .unwrap_or_else(|error| panic!("{endpoint} is not host:port: {error}"));
        let channel =
            endpoint.connect_timeout(CONNECT).connect_with_connector_lazy(whole::Connector);
        Self {
            kv: KvClient::new(channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES),
            maintenance: MaintenanceClient::new(channel.clone()),
            cluster: ClusterClient::new(channel),
        }
    }

    /// Writes a key.
    ///
    /// # Errors
    ///
    /// The node's, or `DeadlineExceeded` after the limit. Unless it is an error
    /// that the node gives before it proposes, nobody knows whether the write took
    /// or will take place.
    pub async fn put(
        &mut self,
        request: PutRequest,
        limit: Duration,
    ) -> Result<PutResponse, Status> {
        within(limit, self.kv.put(request)).await
    }

    /// Compares, and writes and reads several keys at once.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub async fn txn(
        &mut self,
        request: TxnRequest,
        limit: Duration,
    ) -> Result<TxnResponse, Status> {
        within(limit, self.kv.txn(request)).await
    }

    /// Deletes keys.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub async fn delete_range(
        &mut self,
        request: DeleteRangeRequest,
        limit: Duration,
    ) -> Result<DeleteRangeResponse, Status> {
        within(limit, self.kv.delete_range(request)).await
    }

    /// Reads keys.
    ///
    /// # Errors
    ///
    /// The node's, or `DeadlineExceeded` after the limit.
    pub async fn range(
        &mut self,
        request: RangeRequest,
        limit: Duration,
    ) -> Result<RangeResponse, Status> {
        within(limit, self.kv.range(request)).await
    }

    /// Forgets what is older than a revision, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub async fn compact(&mut self, revision: i64, limit: Duration) -> Result<(), Status> {
        let request = CompactionRequest { revision, physical: true };
        within(limit, self.kv.compact(request)).await.map(|_| ())
    }

    /// Lets the node give back the space of what is gone.
    ///
    /// # Errors
    ///
    /// The node's, or `DeadlineExceeded` after the limit; it goes on all the same.
    pub async fn defragment(&mut self, limit: Duration) -> Result<(), Status> {
        within(limit, self.maintenance.defragment(DefragmentRequest {})).await.map(|_| ())
    }

    /// What the node says of itself.
    ///
    /// # Errors
    ///
    /// The node's, or `DeadlineExceeded` after the limit.
    pub async fn status(&mut self, limit: Duration) -> Result<StatusResponse, Status> {
        within(limit, self.maintenance.status(StatusRequest {})).await
    }

    /// The members of the cluster, as this node knows them after a linearizable read.
    ///
    /// # Errors
    ///
    /// The node's, or `DeadlineExceeded` after the limit.
    pub async fn members(&mut self, limit: Duration) -> Result<Vec<Member>, Status> {
        let request = MemberListRequest { linearizable: true };
        Ok(within(limit, self.cluster.member_list(request)).await?.members)
    }

    /// Adds a member and returns its id.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub async fn add_member(
        &mut self,
        peer_url: &str,
        is_learner: bool,
        limit: Duration,
    ) -> Result<u64, Status> {
        let request = MemberAddRequest { peer_ur_ls: vec![peer_url.to_owned()], is_learner };
        let added = within(limit, self.cluster.member_add(request)).await?.member;
        added.map(|member| member.id).ok_or_else(|| Status::internal("no member was added"))
    }

    /// Removes a member.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub async fn remove_member(&mut self, id: u64, limit: Duration) -> Result<(), Status> {
        within(limit, self.cluster.member_remove(MemberRemoveRequest { id })).await.map(drop)
    }

    /// Gives a learner a vote.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub async fn promote_member(&mut self, id: u64, limit: Duration) -> Result<(), Status> {
        within(limit, self.cluster.member_promote(MemberPromoteRequest { id })).await.map(drop)
    }

    /// Hands the leadership over; only the leader can.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub async fn move_leader(&mut self, target_id: u64, limit: Duration) -> Result<(), Status> {
        let request = MoveLeaderRequest { target_id };
        within(limit, self.maintenance.move_leader(request)).await.map(drop)
    }

    /// The alarms of all members: each one's member, and its number in the API.
    ///
    /// # Errors
    ///
    /// The node's, or `DeadlineExceeded` after the limit.
    pub async fn alarms(&mut self, limit: Duration) -> Result<Vec<(u64, i32)>, Status> {
        let answer = within(limit, self.maintenance.alarm(AlarmRequest::default())).await?;
        Ok(answer.alarms.into_iter().map(|alarm| (alarm.member_id, alarm.alarm)).collect())
    }

    /// Lifts an alarm.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub async fn disarm(
        &mut self,
        (member_id, alarm): (u64, i32),
        limit: Duration,
    ) -> Result<(), Status> {
        let action = AlarmAction::Deactivate.into();
        let request = AlarmRequest { action, member_id, alarm };
        within(limit, self.maintenance.alarm(request)).await.map(drop)
    }

    /// The hash of the node's store at a revision.
    ///
    /// # Errors
    ///
    /// The node's, or `DeadlineExceeded` after the limit.
    pub async fn hash_kv(
        &mut self,
        revision: i64,
        limit: Duration,
    ) -> Result<HashKvResponse, Status> {
        within(limit, self.maintenance.hash_kv(HashKvRequest { revision })).await
    }
}

/// Fetches a page from a node by HTTP/1.0 and returns its body.
///
/// # Errors
///
/// If the node cannot be reached, does not answer in time, or answers with another
/// status than 200, which the message then shows.
pub async fn http_get(endpoint: &str, path: &str, limit: Duration) -> io::Result<String> {
    let fetch = async {
        let mut stream = TcpStream::connect(endpoint).await?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {endpoint}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    };
    let late = || io::Error::new(ErrorKind::TimedOut, format!("no answer within {limit:?}"));
    let answer: io::Result<String> =
        tokio::time::timeout(limit, fetch).await.map_err(|_| late())?;
    let answer = answer?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    match status.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(io::Error::other(format!("http://{endpoint}{path} answers {status:?}"))),
    }
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Status> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded(format!("no answer within {limit:?}"))),
    }
}
