//! A replica that is alone, and waiting for what it should do.

pub mod moody_log;
pub mod moody_machine;

use std::sync::Arc;
use std::time::{Duration, Instant};

use balsa::driver::DriverConfig;
use balsa::driver::Worker::{self, Apply, Fetch, Log, Raft};
use balsa::driver::recovery::Stores;
use balsa::driver::request::{RequestError, Unknown};
use balsa::replica::{CallError, Observer, Replica, ReplicaHandle, Threads, Unobserved};
use raft_core::{Config, Incarnation, Membership, NodeId, Position, RoleName, SnapshotMeta};
use raft_storage::files::{Outage, SimFiles};
use raft_storage::memory::{MemoryDisk, MemoryState};
use raft_storage::segments::{SegmentLog, SegmentsConfig};
use raft_storage::snapshots::FileSnapshots;
use tokio::task::JoinHandle;

use crate::journal::{Journal, REQUEST_IDS, Reply, SPACES, command};
use moody_log::{LogMood, MoodyLog};
use moody_machine::MoodyMachine;

/// The longest that anything here may take.
pub const LIMIT: Duration = Duration::from_secs(60);
/// The version of the journal's commands.
pub const FORMAT: u8 = 1;

/// What became of a write.
pub type Written = Result<(Position, Reply), CallError>;

/// The only answer to a write whose outcome nobody knows because the node ends.
pub const UNKNOWN: CallError = CallError::Request(RequestError::Unknown(Unknown::Stopping));

/// The disks of node 1 and its settings, from life to life.
pub struct Rig {
    pub config: DriverConfig,
    pub threads: Threads,
    /// Who hears of everything.
    pub observer: Arc<dyn Observer>,
    /// How the log's disk is today.
    pub log_mood: Arc<LogMood>,
    bootstrap: SnapshotMeta,
    log: SimFiles,
    snapshots: SimFiles,
    state: MemoryDisk,
    /// The state of this life, to be looked at.
    state_now: Option<Arc<MemoryState>>,
    lives: u64,
}

impl Rig {
    /// New disks; node 1 is the only voter.
    pub fn new() -> Rig {
        Rig::with_voters(1)
    }

    /// New disks of node 1 among so many voters.
    pub fn with_voters(voters: u64) -> Rig {
        let mut raft = Config::new(NodeId(1), Incarnation(0));
        // A leader whose disk hangs for two of these steps down (rule 12); here disks
        // hang on purpose. Who is alone leads at once all the same.
        raft.election_timeout = LIMIT / 2;
        Rig {
            config: DriverConfig::new(raft),
            threads: Threads::default(),
            observer: Arc::new(Unobserved),
            log_mood: Arc::default(),
            bootstrap: SnapshotMeta::bootstrap(Membership::of_voters((1..=voters).map(NodeId))),
            log: SimFiles::new(1),
            snapshots: SimFiles::new(2),
            state: MemoryDisk::with_seed(3),
            state_now: None,
            lives: 0,
        }
    }

    /// Starts the next life.
    pub fn start(&mut self) -> Replica<Reply> {
        self.lives += 1;
        self.config.raft.incarnation = Incarnation(self.lives);
        let mut segments = SegmentsConfig::new(NodeId(1), 1, self.lives, self.bootstrap.clone());
        segments.segment_bytes = 64 * 1024;
        let log = SegmentLog::open(Arc::new(self.log.clone()), segments).expect("the log opens");
        let state = Arc::new(MemoryState::open(&self.state, &SPACES).expect("the state opens"));
        self.state_now = Some(state.clone());
        let snapshots = FileSnapshots::open(Arc::new(self.snapshots.clone()));
        let stores = Stores {
            log: Box::new(MoodyLog { inner: log, mood: self.log_mood.clone() }),
            machine: MoodyMachine(Journal::open(state, self.bootstrap.clone())),
            snapshots: Arc::new(snapshots.expect("the snapshots open")),
        };
        let observer = self.observer.clone();
        let (replica, _) =
            Replica::start(&self.config, REQUEST_IDS, stores, &self.threads, observer)
                .expect("the replica starts");
        replica
    }

    /// Starts the next life and waits until it leads.
    pub async fn lead(&mut self) -> (Replica<Reply>, ReplicaHandle<Reply>) {
        let replica = self.start();
        let handle = replica.handle();
        let mut office = handle.office();
        let leads = office.wait_for(|office| office.role == RoleName::Leader);
        in_time("it leads", leads).await.expect("the replica runs");
        (replica, handle)
    }

    /// The power goes and comes back: what was not synced is gone, and the disks are
    /// well. The replica has ended by then.
    pub fn restart(&mut self) {
        self.log = self.log.restart(Outage::PowerLoss);
        self.snapshots = self.snapshots.restart(Outage::PowerLoss);
        self.state.restart();
        self.log_mood = Arc::default();
    }

    /// What the state machine has written down, in order.
    pub fn texts(&self) -> Vec<String> {
        let state = self.state_now.clone().expect("it was started");
        let texts = Journal::open(state, self.bootstrap.clone()).texts();
        texts.into_iter().map(|(_, text)| text).collect()
    }
}

/// Ways to share the threads; in the first ones the log has its own.
pub fn arrangements() -> Vec<Threads> {
    let threads =
        |groups: &[&[Worker]]| Threads(groups.iter().map(|group| group.to_vec()).collect());
    vec![
        Threads::default(),
        threads(&[&[Raft, Apply], &[Log], &[Fetch]]),
        threads(&[&[Raft], &[Log, Apply, Fetch]]),
        threads(&[&[Raft, Log, Apply, Fetch]]),
    ]
}

/// Writes a text down, with all the time there is.
pub async fn write(handle: &ReplicaHandle<Reply>, text: &str) -> Written {
    in_time("the write is answered", handle.write(FORMAT, command(text), LIMIT)).await
}

/// Writes these down at once and returns when the log worker has all of them and
/// hangs. The texts come in this order.
pub async fn write_while_it_hangs(
    rig: &Rig,
    handle: &ReplicaHandle<Reply>,
    texts: impl IntoIterator<Item = String>,
) -> Vec<JoinHandle<Written>> {
    rig.log_mood.gate.close();
    let mut writes = Vec::new();
    for text in texts {
        let before = handle.status().last.index;
        let mine = handle.clone();
        writes.push(tokio::spawn(async move { write(&mine, &text).await }));
        until("the write is in the log", || handle.status().last.index > before).await;
    }
    writes
}

/// Waits for something, within the limit.
pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(LIMIT, future).await;
    done.unwrap_or_else(|_| panic!("not within {LIMIT:?}: {what}"))
}

/// Waits until it is true.
pub async fn until(what: &str, is_true: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_true() {
        assert!(began.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}
