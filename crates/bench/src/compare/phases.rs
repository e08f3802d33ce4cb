//! The loads of a comparison, and what each must show.

use std::time::Duration;

use crate::load::{Limit, Measure, Operation, Order, Plan};

/// How many keys the loads use.
const KEYS: u64 = 10_000;

/// How many clients a load of many clients has.
const MANY: usize = 200;

/// One load.
#[derive(Debug)]
pub struct Phase {
    /// What the table calls it.
    pub name: &'static str,
    /// Whether the load is on the leader alone. One client is: which node it
    /// happens to talk to would decide the comparison.
    pub on_leader: bool,
    operation: Operation,
    clients: usize,
    /// What it must show.
    pub bounds: &'static [Bound],
}

/// A quantity of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Successful calls per second.
    Throughput,
    /// The median latency in milliseconds.
    P50,
    /// The latency that one call in a hundred exceeds, in milliseconds.
    P99,
    /// CPU time of all nodes per call, in microseconds.
    Cpu,
}

/// What Balsa's part of etcd's quantity must be.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Which quantity.
    pub quantity: Quantity,
    /// How it is bounded.
    pub limit: RatioLimit,
}

/// A bound of a ratio.
#[derive(Clone, Copy, Debug)]
pub enum RatioLimit {
    /// No less than that.
    AtLeast(f64),
    /// No more than that.
    AtMost(f64),
}

/// All loads, in their order.
pub const PHASES: &[Phase] = &[
    Phase {
        name: "put, 200 clients",
        on_leader: false,
        operation: Operation::Put,
        clients: MANY,
        bounds: &[
            Bound { quantity: Quantity::Throughput, limit: RatioLimit::AtLeast(1.5) },
            Bound { quantity: Quantity::Cpu, limit: RatioLimit::AtMost(0.6) },
        ],
    },
    Phase {
        name: "put, 1 client",
        on_leader: true,
        operation: Operation::Put,
        clients: 1,
        bounds: &[Bound { quantity: Quantity::P50, limit: RatioLimit::AtMost(0.75) }],
    },
    Phase {
        name: "linearizable get, 200 clients",
        on_leader: false,
        operation: Operation::Get { serializable: false },
        clients: MANY,
        bounds: &[Bound { quantity: Quantity::Throughput, limit: RatioLimit::AtLeast(1.2) }],
    },
    Phase {
        name: "serializable get, 200 clients",
        on_leader: false,
        operation: Operation::Get { serializable: true },
        clients: MANY,
        bounds: &[Bound { quantity: Quantity::Throughput, limit: RatioLimit::AtLeast(1.2) }],
    },
];

/// All quantities, in the table's order.
pub const QUANTITIES: [Quantity; 4] =
    [Quantity::Throughput, Quantity::P50, Quantity::P99, Quantity::Cpu];

impl Phase {
    /// The load on these nodes, without processes to measure.
    pub fn plan(&self, endpoints: Vec<String>, duration: Duration) -> Plan {
        Plan {
            operation: self.operation,
            endpoints,
            clients: self.clients,
            clients_per_connection: 20,
            limit: Limit::Time(duration),
            keys: KEYS,
            order: Order::Random,
            key_size: 8,
            value_size: 256,
            call_limit: Duration::from_secs(10),
            pids: vec![],
        }
    }
}

/// The load that writes each key once, so that all reads find something. It is
/// not measured, and warms the nodes up as well.
pub fn fill(endpoints: Vec<String>) -> Plan {
    let plan = PHASES[0].plan(endpoints, Duration::ZERO);
    Plan { limit: Limit::Calls(KEYS), order: Order::Sequential, ..plan }
}

impl Quantity {
    /// What the table calls it, with its unit.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throughput => "calls/s",
            Self::P50 => "p50 ms",
            Self::P99 => "p99 ms",
            Self::Cpu => "CPU us/call",
        }
    }

    /// Its value in a measure.
    pub fn of(self, measure: &Measure) -> f64 {
        match self {
            Self::Throughput => measure.throughput(),
            Self::P50 => measure.latency_ms(0.5),
            Self::P99 => measure.latency_ms(0.99),
            Self::Cpu => measure.cpu_micros(),
        }
    }
}

impl RatioLimit {
    /// Whether the ratio keeps it. One to nothing, or of nothing to nothing, does not.
    pub fn is_kept_by(self, ratio: f64) -> bool {
        ratio.is_finite()
            && match self {
                Self::AtLeast(least) => ratio >= least,
                Self::AtMost(most) => ratio <= most,
            }
    }

    /// It, for people.
    pub fn text(self) -> String {
        match self {
            Self::AtLeast(least) => format!(">= {least:.2}"),
            Self::AtMost(most) => format!("<= {most:.2}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_plans_are_sound() {
        let endpoints = || vec!["127.0.0.1:2379".to_owned()];
        for phase in PHASES {
            assert_eq!(phase.plan(endpoints(), Duration::from_secs(1)).check(), Ok(()));
        }
        assert_eq!(fill(endpoints()).check(), Ok(()));
    }

    #[test]
    fn a_limit_is_kept_or_not() {
        assert!(RatioLimit::AtLeast(1.5).is_kept_by(1.5));
        assert!(!RatioLimit::AtLeast(1.5).is_kept_by(1.49));
        assert!(RatioLimit::AtMost(0.6).is_kept_by(0.6));
        assert!(!RatioLimit::AtMost(0.6).is_kept_by(0.61));
        assert!(!RatioLimit::AtMost(0.6).is_kept_by(f64::NAN));
        assert!(!RatioLimit::AtLeast(0.6).is_kept_by(f64::INFINITY));
    }
}
