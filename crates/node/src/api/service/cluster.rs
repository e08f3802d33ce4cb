//! The service `etcdserverpb.Cluster`.

use proto::etcdserverpb::{self as wire, cluster_server::Cluster};
use raft_core::NodeId;
use tonic::{Request, Response, Status};

use super::{ByLearner, Context};
use crate::api::{convert, status};
use crate::{Consistency, Error, MemberStatus};

/// Tells who belongs to the cluster, and changes it.
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
        let (header, members) = self.answer(self.context.client.members(consistency).await)?;
        Ok(Response::new(wire::MemberListResponse { header, members }))
    }

    async fn member_add(
        &self,
        request: Request<wire::MemberAddRequest>,
    ) -> Result<Response<wire::MemberAddResponse>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        let wire::MemberAddRequest { peer_ur_ls, is_learner } = request.into_inner();
        let added = self.context.client.member_add(peer_ur_ls, is_learner).await;
        let (member, members) = added.map_err(|error| status::of_error(&error))?;
        Ok(Response::new(wire::MemberAddResponse {
            header: Some(self.context.header(0)),
            member: Some(convert::member(member)),
            members: members.into_iter().map(convert::member).collect(),
        }))
    }

    async fn member_remove(
        &self,
        request: Request<wire::MemberRemoveRequest>,
    ) -> Result<Response<wire::MemberRemoveResponse>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        let left = self.context.client.member_remove(NodeId(request.get_ref().id)).await;
        let (header, members) = self.answer(left)?;
        Ok(Response::new(wire::MemberRemoveResponse { header, members }))
    }

    async fn member_update(
        &self,
        request: Request<wire::MemberUpdateRequest>,
    ) -> Result<Response<wire::MemberUpdateResponse>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        let wire::MemberUpdateRequest { id, peer_ur_ls } = request.into_inner();
        let updated = self.context.client.member_update(NodeId(id), peer_ur_ls).await;
        let (header, members) = self.answer(updated)?;
        Ok(Response::new(wire::MemberUpdateResponse { header, members }))
    }

    async fn member_promote(
        &self,
        request: Request<wire::MemberPromoteRequest>,
    ) -> Result<Response<wire::MemberPromoteResponse>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        let promoted = self.context.client.member_promote(NodeId(request.get_ref().id)).await;
        let (header, members) = self.answer(promoted)?;
        Ok(Response::new(wire::MemberPromoteResponse { header, members }))
    }
}

impl ClusterService {
    /// Header and members of an answer; the header has no revision, for membership has none.
    fn answer(&self, outcome: Result<Vec<MemberStatus>, Error>) -> Result<Answer, Status> {
        let members = outcome.map_err(|error| status::of_error(&error))?;
        let members = members.into_iter().map(convert::member).collect();
        Ok((Some(self.context.header(0)), members))
    }
}

type Answer = (Option<wire::ResponseHeader>, Vec<wire::Member>);
