//! Carries out a plan.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use proto::etcdserverpb::{PutRequest, RangeRequest};
use thiserror::Error;
use tokio::task::JoinSet;
use tonic::Status;

use super::keys;
use super::measure::Measure;
use super::plan::{Limit, Operation, Plan, PlanError};
use crate::client::Connection;
use crate::process::{ProcessError, cpu_time};

/// A client that fails so often in a row gives up: nobody is there.
const MAX_FAILURES: u32 = 100;

/// Why a load could not be run.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The plan is not sound.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The CPU time of a process could not be read.
    #[error(transparent)]
    Cpu(#[from] ProcessError),
    /// A connection could not be made.
    #[error("{endpoint} does not answer ({reason}): does the node run?")]
    Unreachable {
        /// The node.
        endpoint: String,
        /// What the first call said.
        reason: String,
    },
}

/// Runs a load to its end. Calls that fail are counted in the measure.
///
/// # Errors
///
/// [`LoadError`]; no call that is measured has been made then, unless it is the
/// CPU time at the end that could not be read.
pub async fn run(plan: &Plan) -> Result<Measure, LoadError> {
    plan.check()?;
    let connections = connect(plan).await?;
    let shared = Arc::new(Shared {
        plan: plan.clone(),
        value: keys::value(plan.value_size),
        next: AtomicU64::new(0),
    });
    let cpu_before = total_cpu(&plan.pids)?;
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..plan.clients {
        let connection = connections[client % connections.len()].clone();
        clients.spawn(client_loop(shared.clone(), connection, began));
    }
    let mut all = Measure::new();
    while let Some(one) = clients.join_next().await {
        all.join(&one.expect("a client neither panics nor is cancelled"));
    }
    all.elapsed = began.elapsed();
    all.cpu = total_cpu(&plan.pids)?.saturating_sub(cpu_before);
    Ok(all)
}

/// What all clients of a run share.
struct Shared {
    plan: Plan,
    value: Bytes,
    /// The number of the next call.
    next: AtomicU64,
}

impl Shared {
    /// The number of the next call, if there is one.
    fn next_call(&self, began: Instant) -> Option<u64> {
        let call = self.next.fetch_add(1, Ordering::Relaxed);
        let goes_on = match self.plan.limit {
            Limit::Calls(calls) => call < calls,
            Limit::Time(time) => began.elapsed() < time,
        };
        goes_on.then_some(call)
    }

    async fn call(&self, number: u64, connection: &mut Connection) -> Result<(), Status> {
        let Plan { order, keys, key_size, call_limit, .. } = self.plan;
        let key = keys::key(number, order, keys, key_size);
        match self.plan.operation {
            Operation::Put => {
                let value = self.value.clone();
                let request = PutRequest { key, value, ..PutRequest::default() };
                connection.put(request, call_limit).await.map(drop)
            }
            Operation::Get { serializable } => {
                let request = RangeRequest { key, serializable, ..RangeRequest::default() };
                connection.range(request, call_limit).await.map(drop)
            }
        }
    }
}

/// The connections of a plan, each of which has answered once.
async fn connect(plan: &Plan) -> Result<Vec<Connection>, LoadError> {
    let mut connections = Vec::new();
    for (_, endpoint) in (0..plan.connections()).zip(plan.endpoints.iter().cycle()) {
        let mut connection = Connection::new(endpoint);
        let unreachable = |status: Status| LoadError::Unreachable {
            endpoint: endpoint.clone(),
            reason: format!("{}: {}", status.code(), status.message()),
        };
        connection.status(plan.call_limit).await.map_err(unreachable)?;
        connections.push(connection);
    }
    Ok(connections)
}

async fn client_loop(shared: Arc<Shared>, mut connection: Connection, began: Instant) -> Measure {
    let mut measure = Measure::new();
    let mut failures_in_a_row = 0;
    while let Some(number) = shared.next_call(began) {
        let call_began = Instant::now();
        match shared.call(number, &mut connection).await {
            Ok(()) => {
                measure.add_success(call_began.elapsed());
                failures_in_a_row = 0;
            }
            Err(status) => {
                measure.add_failure(|| format!("{}: {}", status.code(), status.message()));
                failures_in_a_row += 1;
                if failures_in_a_row == MAX_FAILURES {
                    break;
                }
            }
        }
    }
    measure
}

fn total_cpu(pids: &[u32]) -> Result<Duration, ProcessError> {
    pids.iter().map(|pid| cpu_time(*pid)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Order;
    use crate::process::loopback;

    #[tokio::test]
    async fn a_node_that_is_not_there_is_named() {
        let endpoint = format!("{}:2379", loopback());
        let plan = Plan {
            operation: Operation::Get { serializable: true },
            endpoints: vec![endpoint.clone()],
            clients: 1,
            clients_per_connection: 1,
            limit: Limit::Calls(1),
            keys: 1,
            order: Order::Sequential,
            key_size: 8,
            value_size: 8,
            call_limit: Duration::from_secs(5),
            pids: vec![],
        };
        let error = run(&plan).await.expect_err("nobody listens there");
        assert!(error.to_string().contains(&format!("{endpoint} does not answer")), "{error}");
    }

    #[test]
    fn calls_end_with_their_number_or_their_time() {
        let shared = |limit| Shared {
            plan: Plan {
                operation: Operation::Put,
                endpoints: vec![],
                clients: 1,
                clients_per_connection: 1,
                limit,
                keys: 1,
                order: Order::Random,
                key_size: 1,
                value_size: 0,
                call_limit: Duration::ZERO,
                pids: vec![],
            },
            value: Bytes::new(),
            next: AtomicU64::new(0),
        };
        let began = Instant::now();
        let by_number = shared(Limit::Calls(2));
        let calls: Vec<u64> = std::iter::from_fn(|| by_number.next_call(began)).collect();
        assert_eq!(calls, [0, 1]);
        assert_eq!(shared(Limit::Time(Duration::ZERO)).next_call(began), None);
        assert_eq!(shared(Limit::Time(Duration::from_secs(3600))).next_call(began), Some(0));
    }
}
