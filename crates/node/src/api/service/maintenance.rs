//! The service `etcdserverpb.Maintenance`.

use proto::etcdserverpb::{self as wire, maintenance_server::Maintenance};
use raft_core::NodeId;
use tonic::codegen::tokio_stream::Empty;
use tonic::{Request, Response, Status};
use wire::alarm_request::AlarmAction;

use super::{ByLearner, Context};
use crate::api::{status, version};
use crate::{Error, NodeStatus};

/// How much the state may take, in bytes, as operators are told: etcd's default.
const QUOTA_BYTES: i64 = 2 << 30;

/// Tells operators how the node is.
pub struct MaintenanceService {
    context: Context,
}

impl MaintenanceService {
    /// Stands on a node.
    pub fn new(context: Context) -> MaintenanceService {
        MaintenanceService { context }
    }

    fn refused<T, R>(&self, request: &Request<T>, method: &str) -> Result<Response<R>, Status> {
        self.context.admit(request, ByLearner::Refused)?;
        Err(status::not_served(&format!("etcdserverpb.Maintenance/{method}")))
    }
}

#[tonic::async_trait]
impl Maintenance for MaintenanceService {
    type SnapshotStream = Empty<Result<wire::SnapshotResponse, Status>>;

    async fn status(
        &self,
        request: Request<wire::StatusRequest>,
    ) -> Result<Response<wire::StatusResponse>, Status> {
        self.context.admit(&request, ByLearner::Served)?;
        let status = self.context.client.status();
        let header = self.context.header(status.revision);
        Ok(Response::new(status_response(&status, header)))
    }

    async fn alarm(
        &self,
        request: Request<wire::AlarmRequest>,
    ) -> Result<Response<wire::AlarmResponse>, Status> {
        if request.get_ref().action != AlarmAction::Get as i32 {
            return self.refused(&request, "Alarm with another action than GET");
        }
        self.context.admit(&request, ByLearner::Refused)?;
        let header = Some(self.context.header(self.context.client.revision()));
        Ok(Response::new(wire::AlarmResponse { header, alarms: Vec::new() }))
    }

    async fn hash_kv(
        &self,
        request: Request<wire::HashKvRequest>,
    ) -> Result<Response<wire::HashKvResponse>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        let hash = self.context.client.hash_kv(request.get_ref().revision).await;
        let hash = hash.map_err(|error| status::of_error(&error))?;
        Ok(Response::new(wire::HashKvResponse {
            header: Some(self.context.header(hash.revision)),
            hash: hash.hash,
            compact_revision: hash.compact_revision,
            hash_revision: hash.hash_revision,
        }))
    }

    async fn hash(
        &self,
        request: Request<wire::HashRequest>,
    ) -> Result<Response<wire::HashResponse>, Status> {
        self.refused(&request, "Hash")
    }

    async fn defragment(
        &self,
        request: Request<wire::DefragmentRequest>,
    ) -> Result<Response<wire::DefragmentResponse>, Status> {
        self.refused(&request, "Defragment")
    }

    async fn snapshot(
        &self,
        request: Request<wire::SnapshotRequest>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        self.refused(&request, "Snapshot")
    }

    async fn move_leader(
        &self,
        request: Request<wire::MoveLeaderRequest>,
    ) -> Result<Response<wire::MoveLeaderResponse>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        let moved = self.context.client.move_leader(NodeId(request.get_ref().target_id)).await;
        moved.map_err(|error| status::of_error(&error))?;
        // etcd gives no header here.
        Ok(Response::new(wire::MoveLeaderResponse { header: None }))
    }

    async fn downgrade(
        &self,
        request: Request<wire::DowngradeRequest>,
    ) -> Result<Response<wire::DowngradeResponse>, Status> {
        self.refused(&request, "Downgrade")
    }
}

fn status_response(status: &NodeStatus, header: wire::ResponseHeader) -> wire::StatusResponse {
    let bytes = i64::try_from(status.db_bytes).unwrap_or(i64::MAX);
    let errors = match status.leader {
        Some(_) => Vec::new(),
        None => vec![Error::NoLeader.to_string()],
    };
    wire::StatusResponse {
        header: Some(header),
        version: version::API_VERSION.to_owned(),
        db_size: bytes,
        leader: status.leader.map_or(0, |leader| leader.0),
        raft_index: status.commit.0,
        raft_term: status.header.term.0,
        raft_applied_index: status.applied.0,
        errors,
        db_size_in_use: bytes,
        is_learner: status.is_learner(),
        storage_version: version::API_VERSION.to_owned(),
        db_size_quota: QUOTA_BYTES,
        downgrade_info: Some(wire::DowngradeInfo::default()),
    }
}

#[cfg(test)]
mod tests {
    use raft_core::{Index, RoleName, Term};

    use super::*;
    use crate::Header;

    #[test]
    fn a_node_without_a_leader_says_so() {
        let mut status = NodeStatus {
            header: Header { cluster: 1, member: NodeId(2), term: Term(3) },
            role: RoleName::Follower,
            leader: None,
            commit: Index(4),
            applied: Index(4),
            revision: 5,
            db_bytes: 6,
            keys: 7,
            waiting: 8,
        };
        let response = status_response(&status, Default::default());
        assert_eq!(response.errors, ["etcdserver: no leader"]);
        assert_eq!((response.leader, response.is_learner), (0, false));
        status.leader = Some(NodeId(9));
        status.role = RoleName::Learner;
        let response = status_response(&status, Default::default());
        assert!(response.errors.is_empty());
        assert_eq!((response.leader, response.is_learner), (9, true));
        assert_eq!((response.raft_index, response.raft_term, response.db_size), (4, 3, 6));
    }
}
