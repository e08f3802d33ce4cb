//! The gRPC services.

mod cluster;
mod fallback;
mod kv;
mod maintenance;
mod range_stream;

use std::sync::Arc;

use prost::Message;
use proto::etcdserverpb::ResponseHeader;
use raft_core::RoleName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use super::gate::{Bounds, Full, Held, Unread};
use super::metrics::Metrics;
use super::options::Options;
use super::{convert, status};
use crate::replica::Office;
use crate::{Client, Error, Header};

pub use cluster::ClusterService;
pub use fallback::Fallback;
pub use kv::KvService;
pub use maintenance::MaintenanceService;

/// The metadata by which a client asks to be refused while nobody leads.
const HAS_LEADER: &str = "hasleader";

/// Reads of more than a few keys that are made at a time. More would only wait for the
/// threads that make them.
const LARGE_READS: usize = 8;

/// What all services stand on.
#[derive(Clone)]
pub struct Context {
    /// The node.
    pub client: Client,
    /// Steps in each branch of a transaction.
    pub txn_ops: u64,
    /// Bytes that one message of a stream aims at.
    pub chunk_bytes: usize,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    reads: Arc<Semaphore>,
    bounds: Bounds,
    office: watch::Receiver<Office>,
    identity: Header,
}

/// Whether a member without a vote serves a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByLearner {
    /// It does.
    Served,
    /// It refuses.
    Refused,
}

impl Context {
    /// Stands on a node.
    pub fn new(client: Client, options: &Options, metrics: Arc<Metrics>) -> Context {
        Context {
            office: client.replica().office(),
            identity: client.header(),
            client,
            txn_ops: options.txn_ops,
            chunk_bytes: options.request_bytes,
            metrics,
            reads: Arc::new(Semaphore::new(LARGE_READS)),
            bounds: options.bounds(),
        }
    }

    /// Lets the reading for an answer begin. A large one has its turn until it is
    /// counted as unread, so that what is read for a client that does not read it is
    /// bounded, however much it asked for at once.
    pub async fn begin_read(
        &self,
        unread: &Unread,
        is_little: bool,
    ) -> Result<Option<OwnedSemaphorePermit>, Status> {
        if is_little {
            return Ok(None);
        }
        let turn = Arc::clone(&self.reads).acquire_owned().await;
        let turn = turn.map_err(|_closed| status::of_error(&Error::Stopped))?;
        let room = self.metrics.room().answer_largely(unread.bytes(), &self.bounds);
        room.map_err(|Full| status::too_many_requests())?;
        Ok(Some(turn))
    }

    /// An answer that counts as unread until the client has it.
    pub fn answered<T: Message>(&self, message: T, unread: &Arc<Unread>) -> Response<T> {
        let held = self.hold(&message, unread);
        let mut response = Response::new(message);
        response.extensions_mut().insert(Arc::new(held));
        response
    }

    /// Lets a request in, or says why not.
    pub fn admit<T>(&self, request: &Request<T>, by_learner: ByLearner) -> Result<(), Status> {
        let office = *self.office.borrow();
        if office.role == RoleName::Learner && by_learner == ByLearner::Refused {
            return Err(status::learner());
        }
        if office.leader.is_none() && wants_leader(request.metadata()) {
            return Err(status::no_leader());
        }
        Ok(())
    }

    /// Counts a message as unread.
    pub fn hold(&self, message: &impl Message, unread: &Arc<Unread>) -> Held {
        Held::new(&self.metrics.room(), unread, message.encoded_len() as u64)
    }

    /// The header of an answer at a revision.
    pub fn header(&self, revision: i64) -> ResponseHeader {
        let term = self.office.borrow().term;
        convert::header(Header { term, ..self.identity }, revision)
    }

    /// What a client is told of a write that failed.
    pub fn write_failed(&self, error: &Error) -> Status {
        if !matches!(error, Error::Request(_) | Error::TooLarge | Error::TooManyRequests) {
            self.metrics.count_failed_proposal();
        }
        status::of_error(error)
    }
}

fn wants_leader(metadata: &MetadataMap) -> bool {
    metadata.get(HAS_LEADER).is_some_and(|value| value == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_is_wanted_by_the_word_true_alone() {
        let mut metadata = MetadataMap::new();
        assert!(!wants_leader(&metadata));
        metadata.insert(HAS_LEADER, "false".parse().expect("a metadata value"));
        assert!(!wants_leader(&metadata));
        metadata.insert(HAS_LEADER, "true".parse().expect("a metadata value"));
        assert!(wants_leader(&metadata));
    }
}
