//! What is read from the node and its process when somebody asks.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use ::metrics::{Counter, Gauge};
use raft_core::RoleName;

use super::process::Process;
use super::registry::Registry;
use crate::api::gate::Room;
use crate::api::version;
use crate::{Alarm, NodeStatus};

/// The gauges.
pub struct Gauges {
    has_leader: Gauge,
    is_leader: Gauge,
    is_learner: Gauge,
    committed: Gauge,
    applied: Gauge,
    pending: Gauge,
    term: Gauge,
    revision: Gauge,
    keys: Gauge,
    db_bytes: Gauge,
    db_bytes_in_use: Gauge,
    quota_bytes: Gauge,
    free_bytes: Gauge,
    /// Those that were ever raised: one that is lifted counts as 0 from then on.
    alarms: Mutex<BTreeSet<Alarm>>,
    open_requests: Gauge,
    open_bytes: Gauge,
    unread_bytes: Gauge,
    refused: Counter,
    process: Process,
}

impl Gauges {
    /// Registers them.
    pub fn new(registry: &Registry) -> Gauges {
        let gauge = |name, help| registry.gauge(name, help, &[]);
        let api = ("server_version", version::API_VERSION.to_owned());
        let help = "The level of etcd's API that is served.";
        registry.gauge("etcd_server_version", help, &[api]).set(1);
        let cluster = ("cluster_version", version::CLUSTER_VERSION.to_owned());
        let help = "The level of etcd's API that all members serve.";
        registry.gauge("etcd_cluster_version", help, &[cluster]).set(1);
        let own = ("version", version::BALSA_VERSION.to_owned());
        registry.gauge("balsa_build_info", "Which version is running.", &[own]).set(1);
        Gauges {
            has_leader: gauge("etcd_server_has_leader", "1 if somebody is known to lead."),
            is_leader: gauge("etcd_server_is_leader", "1 if this member leads."),
            is_learner: gauge("etcd_server_is_learner", "1 if this member has no vote."),
            committed: gauge(
                "etcd_server_proposals_committed_total",
                "The last entry that is committed.",
            ),
            applied: gauge(
                "etcd_server_proposals_applied_total",
                "The last entry that is applied here.",
            ),
            pending: gauge("etcd_server_proposals_pending", "Requests that wait for an answer."),
            term: gauge("balsa_raft_term", "The current term."),
            revision: gauge(
                "etcd_debugging_mvcc_current_revision",
                "The latest revision that is applied here.",
            ),
            keys: gauge("etcd_debugging_mvcc_keys_total", "How many keys there are."),
            db_bytes: gauge(
                "etcd_mvcc_db_total_size_in_bytes",
                "How much disk the state takes, in bytes.",
            ),
            db_bytes_in_use: gauge(
                "etcd_mvcc_db_total_size_in_use_in_bytes",
                "How much of that is in use, in bytes.",
            ),
            quota_bytes: gauge(
                "etcd_server_quota_backend_bytes",
                "How many bytes the state may take; negative if it is not bounded.",
            ),
            free_bytes: gauge(
                "balsa_disk_free_bytes",
                "How many bytes are free where the data are; negative if the disk does not tell.",
            ),
            alarms: Mutex::default(),
            open_requests: gauge(
                "balsa_open_requests",
                "Requests for keys whose answer is not sent yet.",
            ),
            open_bytes: gauge("balsa_open_request_bytes", "What they sent so far, in bytes."),
            unread_bytes: gauge(
                "balsa_unread_answer_bytes",
                "Answers to requests for keys that their clients did not read yet, in bytes.",
            ),
            refused: registry.counter(
                "balsa_requests_refused_total",
                "Requests for keys that were too many, and told so.",
                &[],
            ),
            process: Process::new(registry),
        }
    }

    /// Sets them to what is now.
    pub fn set(&self, registry: &Registry, status: &NodeStatus) {
        let member = ("server_id", format!("{:x}", status.header.member.0));
        registry.gauge("etcd_server_id", "Which member it is.", &[member]).set(1);
        self.has_leader.set(u8::from(status.leader.is_some()));
        self.is_leader.set(u8::from(status.role == RoleName::Leader));
        self.is_learner.set(u8::from(status.is_learner()));
        self.committed.set(status.commit.0 as f64);
        self.applied.set(status.applied.0 as f64);
        self.pending.set(status.waiting as f64);
        self.term.set(status.header.term.0 as f64);
        self.revision.set(status.revision as f64);
        self.keys.set(status.keys as f64);
        self.db_bytes.set(status.db_bytes as f64);
        self.db_bytes_in_use.set(status.db_bytes as f64);
        self.quota_bytes.set(status.quota_bytes.map_or(-1.0, |bytes| bytes as f64));
        self.free_bytes.set(status.free_bytes.map_or(-1.0, |bytes| bytes as f64));
        self.set_alarms(registry, &status.alarms);
        self.process.set();
    }

    fn set_alarms(&self, registry: &Registry, raised: &[Alarm]) {
        let mut known = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(raised);
        for alarm in known.iter() {
            let labels = [
                ("server_id", format!("{:x}", alarm.member.0)),
                ("alarm_type", alarm.kind.to_string()),
            ];
            let help = "1 for each alarm of each member that is raised.";
            let gauge = registry.gauge("etcd_debugging_server_alarms", help, &labels);
            gauge.set(u8::from(raised.contains(alarm)));
        }
    }

    /// Sets those of open requests.
    pub fn set_room(&self, room: &Room) {
        self.open_requests.set(room.requests() as f64);
        self.open_bytes.set(room.bytes() as f64);
        self.unread_bytes.set(room.unread() as f64);
        self.refused.absolute(room.refused());
    }
}
