//! The service `etcdserverpb.Cluster`.

use proto::etcdserverpb::{self as wire, cluster_server::Cluster};
use tonic::{Request, Response, Status};

use super::{ByLearner, Context};
use crate::Consistency;
use crate::api::{convert, status};

/// Tells who belongs to the cluster.
pub struct ClusterService {
    context: Context,
}

impl ClusterService {
    /// Stands on a node.
    pub fn new(context: Context) -> ClusterService {
        ClusterService { context }
    }
}

#[tonic::async_trait]
impl Cluster for ClusterService {
    async fn member_list(
        &self,
        request: Request<wire::MemberListRequest>,
    ) -> Result<Response<wire::MemberListResponse>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        let consistency = match request.get_ref().linearizable {
            true => Consistency::Linearizable,
            false => Consistency::Serializable,
        };
        let members = self.context.client.members(consistency).await;
        let members = members.map_err(|error| status::of_error(&error))?;
        Ok(Response::new(wire::MemberListResponse {
            // No revision: membership has none.
            header: Some(self.context.header(0)),
            members: members.into_iter().map(convert::member).collect(),
        }))
    }

    async fn member_add(
        &self,
        request: Request<wire::MemberAddRequest>,
    ) -> Result<Response<wire::MemberAddResponse>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        Err(status::not_served("etcdserverpb.Cluster/MemberAdd"))
    }

    async fn member_remove(
        &self,
        request: Request<wire::MemberRemoveRequest>,
    ) -> Result<Response<wire::MemberRemoveResponse>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        Err(status::not_served("etcdserverpb.Cluster/MemberRemove"))
    }

    async fn member_update(
        &self,
        request: Request<wire::MemberUpdateRequest>,
    ) -> Result<Response<wire::MemberUpdateResponse>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        Err(status::not_served("etcdserverpb.Cluster/MemberUpdate"))
    }

    async fn member_promote(
        &self,
        request: Request<wire::MemberPromoteRequest>,
    ) -> Result<Response<wire::MemberPromoteResponse>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        Err(status::not_served("etcdserverpb.Cluster/MemberPromote"))
    }
}
