//! The service `etcdserverpb.KV`.

use proto::etcdserverpb::{self as wire, kv_server::Kv};
use tonic::{Request, Response, Status};

use super::range_stream::{self, Chunks};
use super::{ByLearner, Context};
use crate::Consistency;
use crate::api::gate::Unread;
use crate::api::{convert, status};

/// Reads and writes keys.
pub struct KvService {
    context: Context,
}

impl KvService {
    /// Stands on a node.
    pub fn new(context: Context) -> KvService {
        KvService { context }
    }
}

#[tonic::async_trait]
impl Kv for KvService {
    type RangeStreamStream = Chunks;

    async fn range(
        &self,
        request: Request<wire::RangeRequest>,
    ) -> Result<Response<wire::RangeResponse>, Status> {
        self.context.admit(&request, by_learner(request.get_ref()))?;
        let consistency = consistency(request.get_ref().serializable);
        let unread = Unread::of(request.extensions());
        let range = convert::range(request.into_inner()).map_err(status::of_kv_error)?;
        let client = &self.context.client;
        let ready = client.ready_range(range, consistency).await;
        let ready = ready.map_err(|error| status::of_error(&error))?;
        let turn = self.context.begin_read(&unread, ready.is_little).await?;
        let answer = client.read_range(ready).await.map_err(|error| status::of_error(&error))?;
        self.context.metrics.count_range();
        let header = self.context.header(answer.revision);
        let response = self.context.answered(convert::range_response(answer, header), &unread);
        drop(turn);
        Ok(response)
    }

    async fn range_stream(
        &self,
        request: Request<wire::RangeRequest>,
    ) -> Result<Response<Chunks>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        let unread = Unread::of(request.extensions());
        let pieces = range_stream::answer(self.context.clone(), request.into_inner(), unread);
        pieces.map(Response::new)
    }

    async fn put(
        &self,
        request: Request<wire::PutRequest>,
    ) -> Result<Response<wire::PutResponse>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        let unread = Unread::of(request.extensions());
        let put = convert::put(request.into_inner()).map_err(status::of_kv_error)?;
        let answer = self.context.client.put_with(put).await;
        let answer = answer.map_err(|error| self.context.write_failed(&error))?;
        let header = self.context.header(answer.revision);
        Ok(self.context.answered(convert::put_response(answer, header), &unread))
    }

    async fn delete_range(
        &self,
        request: Request<wire::DeleteRangeRequest>,
    ) -> Result<Response<wire::DeleteRangeResponse>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        let unread = Unread::of(request.extensions());
        let delete = convert::delete_range(request.into_inner()).map_err(status::of_kv_error)?;
        let answer = self.context.client.delete_range(delete).await;
        let answer = answer.map_err(|error| self.context.write_failed(&error))?;
        let header = self.context.header(answer.revision);
        Ok(self.context.answered(convert::delete_range_response(answer, header), &unread))
    }

    async fn txn(
        &self,
        request: Request<wire::TxnRequest>,
    ) -> Result<Response<wire::TxnResponse>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        let unread = Unread::of(request.extensions());
        let consistency = consistency(convert::is_serializable(request.get_ref()));
        let txn = convert::txn(request.into_inner(), self.context.txn_ops);
        let txn = txn.map_err(status::of_kv_error)?;
        let turn = self.context.begin_read(&unread, !txn.is_read_only()).await?;
        let answer = self.context.client.txn(txn, consistency).await;
        let answer = answer.map_err(|error| self.context.write_failed(&error))?;
        let header = self.context.header(answer.revision);
        let response = self.context.answered(convert::txn_response(answer, header), &unread);
        drop(turn);
        Ok(response)
    }

    async fn compact(
        &self,
        request: Request<wire::CompactionRequest>,
    ) -> Result<Response<wire::CompactionResponse>, Status> {
        self.context.admit(&request, ByLearner::Refused)?;
        let wire::CompactionRequest { revision, physical } = request.into_inner();
        let answer = self.context.client.compact(revision, physical).await;
        let answer = answer.map_err(|error| self.context.write_failed(&error))?;
        let header = Some(self.context.header(answer.revision));
        Ok(Response::new(wire::CompactionResponse { header }))
    }
}

fn by_learner(request: &wire::RangeRequest) -> ByLearner {
    if request.serializable { ByLearner::Served } else { ByLearner::Refused }
}

fn consistency(is_serializable: bool) -> Consistency {
    if is_serializable { Consistency::Serializable } else { Consistency::Linearizable }
}
