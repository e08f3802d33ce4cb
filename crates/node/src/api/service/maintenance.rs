//! The service `etcdserverpb.Maintenance`.

use proto::etcdserverpb::{self as wire, maintenance_server::Maintenance};
use raft_core::NodeId;
use tonic::codegen::tokio_stream::Empty;
use tonic::{Request, Response, Status};
use wire::alarm_request::AlarmAction;

use super::{ByLearner, Context};
use crate::api::{convert, status, version};
use crate::{Alarm, Consistency, Error, NodeStatus};

/// Tells operators how the node is.
pub struct MaintenanceService {
    context: Context,
}

impl MaintenanceService {
    /// Stands on a node.
    pub fn new(context: Context) -> MaintenanceService {
        MaintenanceService { context }
    }

    /// Does what is asked for, and returns the alarms that it is about.
    async fn answer_alarm(&self, request: &wire::AlarmRequest) -> Result<Vec<Alarm>, Status> {
        let client = &self.context.client;
        let action = AlarmAction::try_from(request.action);
        let action = action.map_err(|_| Status::invalid_argument("unknown alarm action"))?;
        let alarm = convert::alarm_of(request);
        if action == AlarmAction::Get {
            let read = client.alarms(Consistency::Linearizable).await;
            let mut alarms = read.map_err(|error| status::of_error(&error))?;
            alarms.retain(|found| alarm.is_none_or(|asked| asked.kind == found.kind));
            return Ok(alarms);
        }
        // etcd takes an action on no alarm, and does nothing.
        let Some(alarm) = alarm else { return Ok(Vec::new()) };
        let is_there = match action {
            AlarmAction::Deactivate => client.lift_alarm(alarm).await,
            _ => client.raise_alarm(alarm).await.map(|()| true),
        };
        let is_there = is_there.map_err(|error| self.context.write_failed(&error))?;
        Ok(is_there.then_some(alarm).into_iter().collect())
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
        self.context.admit(&request, ByLearner::Refused)?;
        let alarms = self.answer_alarm(request.get_ref()).await?;
        let header = Some(self.context.header(self.context.client.revision()));
        let alarms = alarms.into_iter().map(convert::alarm).collect();
        Ok(Response::new(wire::AlarmResponse { header, alarms }))
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
        self.context.admit(&request, ByLearner::Refused)?;
        let done = self.context.client.defragment().await;
        done.map_err(|error| status::of_error(&error))?;
        // etcd gives no header here.
        Ok(Response::new(wire::DefragmentResponse { header: None }))
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

/// The quota as etcd tells it: -1 where there is none.
fn quota(status: &NodeStatus) -> i64 {
    status.quota_bytes.map_or(-1, |quota| i64::try_from(quota).unwrap_or(i64::MAX))
}

fn status_response(status: &NodeStatus, header: wire::ResponseHeader) -> wire::StatusResponse {
    let bytes = i64::try_from(status.db_bytes).unwrap_or(i64::MAX);
    let no_leader = status.leader.is_none().then(|| Error::NoLeader.to_string());
    let alarms = status.alarms.iter();
    let alarms = alarms.map(|alarm| format!("memberID:{} alarm:{} ", alarm.member.0, alarm.kind));
    let errors = no_leader.into_iter().chain(alarms).collect();
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
        db_size_quota: quota(status),
        downgrade_info: Some(wire::DowngradeInfo::default()),
    }
}

#[cfg(test)]
mod tests {
    use raft_core::{Index, RoleName, Term};

    use super::*;
    use crate::{AlarmKind, Header};

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
            quota_bytes: None,
            free_bytes: None,
            alarms: vec![Alarm { kind: AlarmKind::NO_SPACE, member: NodeId(2) }],
            waiting: 8,
        };
        let response = status_response(&status, Default::default());
        assert_eq!(response.errors, ["etcdserver: no leader", "memberID:2 alarm:NOSPACE "]);
        assert_eq!(response.db_size_quota, -1);
        assert_eq!((response.leader, response.is_learner), (0, false));
        status.leader = Some(NodeId(9));
        status.role = RoleName::Learner;
        status.alarms.clear();
        status.quota_bytes = Some(5);
        let response = status_response(&status, Default::default());
        assert!(response.errors.is_empty());
        assert_eq!(response.db_size_quota, 5);
        assert_eq!((response.leader, response.is_learner), (9, true));
        assert_eq!((response.raft_index, response.raft_term, response.db_size), (4, 3, 6));
    }
}
