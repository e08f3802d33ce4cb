//! What a load does.

use std::time::Duration;

use thiserror::Error;

use super::keys;

/// The most clients of one load.
const MAX_CLIENTS: usize = 100_000;

/// The largest key and the largest value, in bytes: what etcd takes in a request.
const MAX_BYTES: usize = 1 << 20;

/// What each client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Writes a key.
    Put,
    /// Reads a key.
    Get {
        /// From the node's own store at once, whatever the others know.
        serializable: bool,
    },
}

/// In which order the keys are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One after the other, from the first again after the last: as many calls as
    /// there are keys reach each of them once.
    Sequential,
    /// As if at random, the same in each run.
    Random,
}

/// When a load ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// After so many calls of all clients together.
    Calls(u64),
    /// When no new call is begun any more because so much time has gone by.
    Time(Duration),
}

/// A load.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What each client does.
    pub operation: Operation,
    /// The nodes, as `host:port`; the connections are shared out among them in turn.
    pub endpoints: Vec<String>,
    /// How many clients there are; each waits for its answer before it goes on.
    pub clients: usize,
    /// How many clients share a connection, at most.
    pub clients_per_connection: usize,
    /// When it ends.
    pub limit: Limit,
    /// How many different keys are used.
    pub keys: u64,
    /// In which order.
    pub order: Order,
    /// The length of each key in bytes.
    pub key_size: usize,
    /// The length of each value in bytes.
    pub value_size: usize,
    /// How long a call may take before it counts as failed.
    pub call_limit: Duration,
    /// The processes whose CPU time is measured.
    pub pids: Vec<u32>,
}

/// Why a plan cannot be carried out.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PlanError {
    /// No node is named.
    #[error("no endpoint is given: name one node at least, as host:port")]
    NoEndpoint,
    /// A node's address is not one.
    #[error("the endpoint {0:?} is not host:port, such as 127.0.0.1:2379 (http:// may precede)")]
    BadEndpoint(String),
    /// A number is out of its range.
    #[error("{what} is {is}, but must be from {least} to {most}")]
    OutOfRange {
        /// Which number.
        what: &'static str,
        /// Its value.
        is: u64,
        /// The least that is taken.
        least: u64,
        /// The most that is taken.
        most: u64,
    },
}

impl Plan {
    /// Whether it can be carried out.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), PlanError> {
        if self.endpoints.is_empty() {
            return Err(PlanError::NoEndpoint);
        }
        if let Some(bad) = self.endpoints.iter().find(|endpoint| !is_host_and_port(endpoint)) {
            return Err(PlanError::BadEndpoint(bad.clone()));
        }
        let calls = match self.limit {
            Limit::Calls(calls) => calls,
            Limit::Time(_) => 1,
        };
        let (clients, shared) = (self.clients as u64, self.clients_per_connection as u64);
        in_range("the number of clients", clients, 1, MAX_CLIENTS as u64)?;
        in_range("the number of clients on a connection", shared, 1, MAX_CLIENTS as u64)?;
        in_range("the number of calls", calls, 1, u64::MAX)?;
        in_range("the size of a key", self.key_size as u64, 1, MAX_BYTES as u64)?;
        in_range("the size of a value", self.value_size as u64, 0, MAX_BYTES as u64)?;
        in_range("the number of keys", self.keys, 1, keys::capacity(self.key_size))
    }

    /// How many connections the clients need.
    pub fn connections(&self) -> usize {
        self.clients.div_ceil(self.clients_per_connection).max(1)
    }
}

fn in_range(what: &'static str, is: u64, least: u64, most: u64) -> Result<(), PlanError> {
    if (least..=most).contains(&is) {
        Ok(())
    } else {
        Err(PlanError::OutOfRange { what, is, least, most })
    }
}

fn is_host_and_port(endpoint: &str) -> bool {
    let Some((host, port)) = endpoint.rsplit_once(':') else { return false };
    let plain = |host: &str| !host.is_empty() && !host.contains(['/', ' ', '@', '?', '#']);
    plain(host) && port.parse::<u16>().is_ok_and(|port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            operation: Operation::Put,
            endpoints: vec!["127.0.0.1:2379".into()],
            clients: 41,
            clients_per_connection: 20,
            limit: Limit::Calls(10),
            keys: 100,
            order: Order::Random,
            key_size: 2,
            value_size: 0,
            call_limit: Duration::from_secs(1),
            pids: vec![],
        }
    }

    #[test]
    fn a_sound_plan_is_taken() {
        assert_eq!(plan().check(), Ok(()));
        assert_eq!(plan().connections(), 3);
        assert_eq!(Plan { clients: 40, ..plan() }.connections(), 2);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let message = |plan: Plan| plan.check().expect_err("is refused").to_string();
        assert!(message(Plan { endpoints: vec![], ..plan() }).contains("no endpoint"));
        for endpoint in ["a", "a:", "a:0", "http://a:1", ":1", "a:99999"] {
            let message = message(Plan { endpoints: vec![endpoint.into()], ..plan() });
            assert!(message.contains(&format!("{endpoint:?}")), "{message}");
        }
        assert_eq!(
            message(Plan { keys: 101, ..plan() }),
            "the number of keys is 101, but must be from 1 to 100"
        );
        assert!(message(Plan { clients: 0, ..plan() }).contains("number of clients is 0"));
        assert!(message(Plan { limit: Limit::Calls(0), ..plan() }).contains("calls is 0"));
        assert!(message(Plan { key_size: 0, ..plan() }).contains("size of a key is 0"));
        assert!(message(Plan { clients_per_connection: 0, ..plan() }).contains("connection is 0"));
        assert!(message(Plan { value_size: 2 << 20, ..plan() }).contains("size of a value"));
    }
}
