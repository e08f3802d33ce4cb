//! The gRPC services.

mod cluster;
mod fallback;
mod kv;
mod maintenance;
mod range_stream;

use std::sync::Arc;

use proto::etcdserverpb::ResponseHeader;
use raft_core::RoleName;
use tokio::sync::watch;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use super::metrics::Metrics;
use super::{convert, status};
use crate::replica::Office;
use crate::{Client, Error, Header};

pub use cluster::ClusterService;
pub use fallback::Fallback;
pub use kv::KvService;
pub use maintenance::MaintenanceService;

/// The metadata by which a client asks to be refused while nobody leads.
const HAS_LEADER: &str = "hasleader";

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
    pub fn new(client: Client, txn_ops: u64, chunk_bytes: usize, metrics: Arc<Metrics>) -> Context {
        let office = client.replica().office();
        let identity = client.header();
        Context { client, txn_ops, chunk_bytes, metrics, office, identity }
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
