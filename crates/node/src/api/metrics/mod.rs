//! What is counted, in Prometheus' format and under etcd's names, so that etcd's
//! dashboards and alerts work. Each node has counters of its own: several may live
//! in one process.

mod call;
mod gauges;
mod methods;
mod peers;
mod process;
mod registry;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::metrics::{Counter, Histogram};
use raft_core::NodeId;

use crate::api::gate::Room;
use crate::driver::Worker;
use crate::driver::queues::Notice;
use crate::replica::Observer;
use crate::{Client, NodeStatus};

pub use call::Counted;
pub use methods::Methods;

use gauges::Gauges;
use registry::Registry;

/// The counters of one node. Give it to
/// [`NodeBuilder::observer`](crate::NodeBuilder::observer) and to the
/// [`Server`](super::Server).
pub struct Metrics {
    registry: Registry,
    methods: Methods,
    gauges: Gauges,
    room: Arc<Room>,
    turns: [Histogram; 4],
    log_turns: Histogram,
    apply_turns: Histogram,
    leader_changes: Counter,
    failed_proposals: Counter,
    ranges: Counter,
    read_rounds: Counter,
    health_ok: Counter,
    health_failed: Counter,
    snapshots_taken: Counter,
    snapshots_installed: Counter,
    ignored: Counter,
    refused_peers: Counter,
    broken_connections: Counter,
    disk_failures: Counter,
    leader: Mutex<Option<NodeId>>,
}

impl Metrics {
    /// Everything is zero. `extensive` counts latencies for each gRPC method too.
    pub fn new(extensive: bool) -> Metrics {
        let registry = Registry::new();
        let counter = |name, help| registry.counter(name, help, &[]);
        let turns = Worker::ALL.map(|worker| {
            let worker = format!("{worker:?}").to_lowercase();
            let help = "How long a turn of each worker takes.";
            registry.seconds("balsa_worker_turn_duration_seconds", help, &[("worker", worker)])
        });
        Metrics {
            methods: Methods::new(&registry, extensive),
            gauges: Gauges::new(&registry),
            room: Arc::default(),
            turns,
            log_turns: registry.seconds(
                "etcd_disk_wal_fsync_duration_seconds",
                "How long writing a group of entries to the log takes, its sync included.",
                &[],
            ),
            apply_turns: registry.seconds(
                "etcd_disk_backend_commit_duration_seconds",
                "How long applying a batch of entries to the state takes.",
                &[],
            ),
            leader_changes: counter(
                "etcd_server_leader_changes_seen_total",
                "How often another leader was seen.",
            ),
            failed_proposals: counter(
                "etcd_server_proposals_failed_total",
                "Writes that got no answer in time, or none because the leader changed.",
            ),
            ranges: counter(
                "etcd_mvcc_range_total",
                "Ranges that this node has answered, transactions aside.",
            ),
            read_rounds: counter(
                "balsa_read_index_rounds_total",
                "Rounds of heartbeats that this leader has begun, for reads to share.",
            ),
            health_ok: counter("etcd_server_health_success", "Health checks that passed."),
            health_failed: counter("etcd_server_health_failures", "Health checks that failed."),
            snapshots_taken: counter("balsa_snapshots_taken_total", "Snapshots of the own state."),
            snapshots_installed: counter(
                "balsa_snapshots_installed_total",
                "Snapshots of others that took the place of the state.",
            ),
            ignored: counter(
                "balsa_raft_inputs_ignored_total",
                "Messages and reports that were too late or made no sense.",
            ),
            refused_peers: counter(
                "balsa_peers_refused_total",
                "Connections between nodes that do not belong together.",
            ),
            broken_connections: counter(
                "balsa_client_connections_broken_total",
                "Connections on which no sound HTTP came, or that broke in the middle.",
            ),
            disk_failures: counter(
                "balsa_disk_failures_total",
                "What a disk refused, and what is tried again.",
            ),
            leader: Mutex::new(None),
            registry,
        }
    }

    /// All of it as text, with the node's state as it is now.
    pub fn render(&self, client: &Client) -> String {
        let broken = client.peer_connections_broken();
        peers::set(&self.registry, &client.peer_counts(), broken);
        self.render_status(&client.status())
    }

    /// Keeps what waits to be rendered small, where nobody asks for the text. To be
    /// called every few seconds.
    pub fn upkeep(&self) {
        self.registry.upkeep();
    }

    /// The gRPC methods and their counters.
    pub fn methods(&self) -> &Methods {
        &self.methods
    }

    /// What is inside of calls that are counted in and out.
    pub fn room(&self) -> Arc<Room> {
        Arc::clone(&self.room)
    }

    /// A write got no answer.
    pub fn count_failed_proposal(&self) {
        self.failed_proposals.increment(1);
    }

    /// A range was answered.
    pub fn count_range(&self) {
        self.ranges.increment(1);
    }

    /// A connection ended in an error.
    pub fn count_broken_connection(&self) {
        self.broken_connections.increment(1);
    }

    /// A health check was made.
    pub fn count_health(&self, is_healthy: bool) {
        if is_healthy { &self.health_ok } else { &self.health_failed }.increment(1);
    }

    fn render_status(&self, status: &NodeStatus) -> String {
        self.gauges.set(&self.registry, status);
        self.gauges.set_room(&self.room);
        self.registry.render()
    }

    fn saw_leader(&self, leader: Option<NodeId>) {
        let mut known = self.leader.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if leader.is_some() && *known != leader {
            self.leader_changes.increment(1);
        }
        *known = leader;
    }
}

impl Observer for Metrics {
    fn notice(&self, notice: &Notice) {
        match notice {
            Notice::RoleChanged { leader, .. } => self.saw_leader(*leader),
            Notice::MembershipChanged { .. } => {}
            Notice::RoundBegun(_) => self.read_rounds.increment(1),
            Notice::Ignored { .. } => self.ignored.increment(1),
            Notice::PeerRefused { .. } => self.refused_peers.increment(1),
            Notice::SnapshotTaken(_) => self.snapshots_taken.increment(1),
            Notice::SnapshotInstalled(_) => self.snapshots_installed.increment(1),
            Notice::Failed { .. } => self.disk_failures.increment(1),
        }
    }

    fn turn(&self, worker: Worker, took: Duration) {
        self.turns[worker as usize].record(took);
        match worker {
            Worker::Log => self.log_turns.record(took),
            Worker::Apply => self.apply_turns.record(took),
            Worker::Raft | Worker::Fetch => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use raft_core::{Index, RoleName, Round, Term};

    use super::*;
    use crate::{Alarm, AlarmKind, Header};

    const ALARM_RAISED: &str =
        "etcd_debugging_server_alarms{server_id=\"2b\",alarm_type=\"NOSPACE\"} 1";

    fn status(leader: Option<NodeId>) -> NodeStatus {
        NodeStatus {
            header: Header { cluster: 1, member: NodeId(0x2a), term: Term(3) },
            role: if leader.is_some() { RoleName::Leader } else { RoleName::Follower },
            leader,
            commit: Index(40),
            applied: Index(39),
            revision: 5,
            db_bytes: 600,
            keys: 7,
            quota_bytes: Some(9),
            free_bytes: Some(10),
            alarms: vec![Alarm { kind: AlarmKind::NO_SPACE, member: NodeId(0x2b) }],
            waiting: 8,
        }
    }

    fn role_changed(leader: Option<NodeId>) -> Notice {
        Notice::RoleChanged { role: RoleName::Follower, term: Term(1), leader }
    }

    #[track_caller]
    fn assert_line(text: &str, line: &str) {
        assert!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
    }

    #[test]
    fn the_state_of_the_node_is_told_under_the_names_of_etcd() {
        let metrics = Metrics::new(false);
        let text = metrics.render_status(&status(Some(NodeId(0x2a))));
        for line in [
            "etcd_server_has_leader 1",
            "etcd_server_is_leader 1",
            "etcd_server_is_learner 0",
            "etcd_server_proposals_committed_total 40",
            "etcd_server_proposals_applied_total 39",
            "etcd_server_proposals_pending 8",
            "etcd_server_id{server_id=\"2a\"} 1",
            "etcd_server_version{server_version=\"3.6.0\"} 1",
            "etcd_mvcc_db_total_size_in_bytes 600",
            "etcd_debugging_mvcc_keys_total 7",
            "etcd_server_quota_backend_bytes 9",
            "balsa_disk_free_bytes 10",
            ALARM_RAISED,
            "# TYPE etcd_server_leader_changes_seen_total counter",
            "# TYPE etcd_disk_wal_fsync_duration_seconds histogram",
        ] {
            assert_line(&text, line);
        }
        let without = NodeStatus { alarms: Vec::new(), ..status(None) };
        let text = metrics.render_status(&without);
        assert_line(&text, &ALARM_RAISED.replace("} 1", "} 0"));
        assert_line(&text, "etcd_server_has_leader 0");
        assert_line(&text, "etcd_server_is_leader 0");
    }

    #[test]
    fn a_leader_is_counted_when_it_is_another_one() {
        let metrics = Metrics::new(false);
        let (one, two) = (Some(NodeId(1)), Some(NodeId(2)));
        for leader in [None, one, one, None, one, two] {
            metrics.notice(&role_changed(leader));
        }
        let text = metrics.render_status(&status(two));
        assert_line(&text, "etcd_server_leader_changes_seen_total 3");
    }

    #[test]
    fn rounds_of_reads_are_counted() {
        let metrics = Metrics::new(false);
        metrics.notice(&Notice::RoundBegun(Round(7)));
        metrics.notice(&Notice::RoundBegun(Round(8)));
        let text = metrics.render_status(&status(None));
        assert_line(&text, "balsa_read_index_rounds_total 2");
    }

    #[test]
    fn a_turn_of_the_log_counts_as_its_sync() {
        let metrics = Metrics::new(false);
        metrics.turn(Worker::Log, Duration::from_millis(3));
        metrics.turn(Worker::Raft, Duration::from_millis(3));
        let text = metrics.render_status(&status(None));
        assert_line(&text, "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.002\"} 0");
        assert_line(&text, "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.004\"} 1");
        assert_line(&text, "etcd_disk_wal_fsync_duration_seconds_count 1");
        assert_line(&text, "etcd_disk_backend_commit_duration_seconds_count 0");
    }
}
