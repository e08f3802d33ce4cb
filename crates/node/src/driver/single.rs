//! All four workers in one hand: for the simulator, for tests, and for embedding a
//! node in a single thread.

use raft_core::{Index, NodeId, Position, Raft, Status, StopReason, Term, Time, WriteOp};
use raft_net::{Frame, TransportEvent};
use raft_storage::StateMachine;

use super::admission::{Admission, TooManyRequests};
use super::apply_worker::ApplyWorker;
use super::config::{DriverConfig, RequestIds};
use super::error::{Fatal, OpenError};
use super::fetch_worker::FetchWorker;
use super::log_worker::LogWorker;
use super::queues::{Inboxes, Notice, Output, RaftInbox, World};
use super::raft_worker::RaftWorker;
use super::recovery::{Recovered, Stores, recover};
use super::request::{Answer, CallId, Done, Request, RequestBody, RequestError};

/// Names a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Worker {
    /// [`RaftWorker`].
    Raft,
    /// [`LogWorker`].
    Log,
    /// [`ApplyWorker`].
    Apply,
    /// [`FetchWorker`].
    Fetch,
}

impl Worker {
    /// All of them.
    pub const ALL: [Worker; 4] = [Worker::Raft, Worker::Log, Worker::Apply, Worker::Fetch];
}

/// The workers of a node, to be taken apart and given to threads.
pub struct Workers<S: StateMachine> {
    /// Steps the core.
    pub raft: RaftWorker,
    /// Writes the log.
    pub log: LogWorker,
    /// Applies entries.
    pub apply: ApplyWorker<S>,
    /// Reads, and moves snapshots.
    pub fetch: FetchWorker,
}

impl<S: StateMachine> Workers<S> {
    /// Opens a node from what its disks hold. What was found comes along, without
    /// the entries.
    ///
    /// # Errors
    ///
    /// If a setting cannot work, a disk refuses, or what is on the disks does not
    /// fit together; see [`recovery`](super::recovery).
    pub fn open(
        config: &DriverConfig,
        request_ids: RequestIds<S::Reply>,
        mut stores: Stores<S>,
        now: Time,
    ) -> Result<(Workers<S>, Found), OpenError> {
        let own = (config.raft.id, config.raft.incarnation);
        let recovered = recover(&mut stores, config.limits.recovery_read_bytes)?;
        let Recovered { saved, purge_bound, finished_install, cut_off_bytes } = recovered;
        let raft = Raft::restore(config.raft.clone(), saved, now)?;
        let Status { base, last, ballot, .. } = raft.status();
        let found = Found { finished_install, cut_off_bytes, base, last, term: ballot.term };
        let Stores { log, machine, snapshots } = stores;
        let reader = log.reader();
        let log = LogWorker::new(log, purge_bound, config.limits.unflushed_bytes);
        #[cfg(feature = "planted-bugs")]
        let log = log.with(config.planted);
        let workers = Workers {
            raft: RaftWorker::new(raft, &config.raft, config.storage_id, request_ids.attach),
            log,
            apply: ApplyWorker::new(machine, snapshots.clone(), own, request_ids),
            fetch: FetchWorker::new(reader, snapshots, config.limits.clone()),
        };
        Ok((workers, found))
    }

    /// Gives one worker a turn.
    fn turn(
        &mut self,
        worker: Worker,
        now: Time,
        inboxes: &mut Inboxes,
        out: &mut Output<S::Reply>,
    ) -> Result<(), Fatal> {
        match worker {
            Worker::Raft => {
                self.raft.turn(now, &mut inboxes.raft, out);
                Ok(())
            }
            Worker::Log => self.log.turn(&mut inboxes.log, out),
            Worker::Apply => self.apply.turn(&mut inboxes.apply, out),
            Worker::Fetch => self.fetch.turn(now, &mut inboxes.fetch, out),
        }
    }
}

/// What a start found and mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// An installation was finished that a crash had interrupted.
    pub finished_install: bool,
    /// Bytes of a last group that the log store cut off; it was never synced.
    pub cut_off_bytes: u64,
    /// The log begins after this position.
    pub base: Position,
    /// The log ends at this position.
    pub last: Position,
    /// The term that the node was in.
    pub term: Term,
}

/// A node in one hand: its workers, their queues and its admission. Whoever owns it
/// gives the turns, in whatever order; each worker does its own part only.
pub struct Driver<S: StateMachine> {
    workers: Workers<S>,
    inboxes: Inboxes,
    admission: Admission,
    output: Output<S::Reply>,
    /// What the turns gave that were begun and not ended, by worker.
    begun: [Option<Output<S::Reply>>; Worker::ALL.len()],
    has_failed: bool,
}

/// What a driver gave since the last time it was asked.
#[derive(Debug)]
pub struct Outgoing<R> {
    /// Frames for the transport, with their receivers.
    pub frames: Vec<(NodeId, Frame)>,
    /// Peers to be probed.
    pub probes: Vec<NodeId>,
    /// Answers to clients, by their numbers.
    pub answers: Vec<(CallId, Result<Done<R>, RequestError>)>,
    /// What operators want to know.
    pub notices: Vec<Notice>,
    /// The node must stop for good.
    pub stop: Option<StopReason>,
}

impl<S: StateMachine> Driver<S> {
    /// Opens a node from what its disks hold.
    ///
    /// # Errors
    ///
    /// As those of [`Workers::open`].
    pub fn open(
        config: &DriverConfig,
        request_ids: RequestIds<S::Reply>,
        stores: Stores<S>,
        now: Time,
    ) -> Result<(Driver<S>, Found), OpenError> {
        let (workers, found) = Workers::open(config, request_ids, stores, now)?;
        let driver = Driver {
            workers,
            inboxes: Inboxes { raft: RaftInbox::at_start(), ..Inboxes::default() },
            admission: Admission::new(&config.limits),
            output: Output::new(),
            begun: Default::default(),
            has_failed: false,
        };
        Ok((driver, found))
    }

    /// Takes in a client's request. It gets exactly one answer, by `deadline` or a
    /// turn later.
    ///
    /// # Errors
    ///
    /// If there is no room for it.
    pub fn submit(
        &mut self,
        call: CallId,
        deadline: Time,
        body: RequestBody,
    ) -> Result<(), TooManyRequests> {
        let bytes = match &body {
            RequestBody::Write { payload, .. } => payload.len() as u64,
            RequestBody::Read
            | RequestBody::ChangeMembership(_)
            | RequestBody::TransferLeadership(_) => 0,
        };
        let permit = self.admission.admit(bytes)?;
        self.inboxes.raft.requests.push_back(Request { call, deadline, permit, body });
        Ok(())
    }

    /// Takes in what the transport says.
    pub fn deliver(&mut self, event: TransportEvent) {
        self.inboxes.raft.peers.push_back(event);
    }

    /// Whether a turn of this worker would do something now.
    pub fn has_work(&self, worker: Worker, now: Time) -> bool {
        let Workers { raft, log, apply, fetch } = &self.workers;
        !self.has_failed
            && !self.is_busy(worker)
            && match worker {
                Worker::Raft => raft.has_work(&self.inboxes.raft, now),
                Worker::Log => log.has_work(&self.inboxes.log),
                Worker::Apply => apply.has_work(&self.inboxes.apply),
                Worker::Fetch => fetch.has_work(&self.inboxes.fetch, now),
            }
    }

    /// When a worker wants a turn even if nothing comes in.
    pub fn next_wakeup(&self) -> Time {
        self.workers.raft.next_wakeup().min(self.workers.fetch.next_wakeup())
    }

    /// Gives one worker a turn. Without work it does nothing.
    ///
    /// # Errors
    ///
    /// If a write failed. Everybody who waits is answered then, and no worker does
    /// anything any more.
    pub fn turn(&mut self, worker: Worker, now: Time) -> Result<(), Fatal> {
        if self.has_failed || self.is_busy(worker) {
            return Ok(());
        }
        let result = self.workers.turn(worker, now, &mut self.inboxes, &mut self.output);
        self.conclude(result)
    }

    /// Begins a worker's turn: does all of it, and lets nobody know. Until
    /// [`Driver::end`] the worker begins no other one, and the others go on, as where
    /// each has a thread and this one waits for its disk.
    ///
    /// # Errors
    ///
    /// As those of [`Driver::turn`].
    pub fn begin(&mut self, worker: Worker, now: Time) -> Result<(), Fatal> {
        if self.has_failed || self.is_busy(worker) {
            return Ok(());
        }
        let mut output = Output::new();
        let result = self.workers.turn(worker, now, &mut self.inboxes, &mut output);
        self.begun[worker as usize] = Some(output);
        self.conclude(result)
    }

    /// Ends the turn that a worker has begun, if it has: what came of it is known.
    pub fn end(&mut self, worker: Worker) {
        if let Some(mut output) = self.begun[worker as usize].take() {
            output.hand_on(&mut self.inboxes);
            self.output.world.append(output.world);
        }
    }

    /// Whether a worker has begun a turn and not ended it.
    pub fn is_busy(&self, worker: Worker) -> bool {
        self.begun[worker as usize].is_some()
    }

    /// Whether [`Driver::idle`] would do something.
    pub fn wants_idle(&self) -> bool {
        !self.has_failed && (self.log_wants_idle() || self.apply_wants_idle())
    }

    /// Lets those use a quiet moment who would: the log store, if no write came
    /// for a moment, and the state machine, if no entry did.
    ///
    /// # Errors
    ///
    /// As those of [`Driver::turn`].
    pub fn idle(&mut self) -> Result<(), Fatal> {
        let mut result = Ok(());
        if !self.has_failed && self.log_wants_idle() {
            result = self.workers.log.idle(&self.inboxes.log);
        }
        if !self.has_failed && result.is_ok() && self.apply_wants_idle() {
            result = self.workers.apply.idle();
        }
        self.conclude(result)
    }

    /// Makes the state durable and answers everybody who still waits: the last
    /// thing before the driver is dropped in an orderly stop.
    ///
    /// # Errors
    ///
    /// If the state's disk refuses.
    pub fn close(&mut self) -> Result<(), Fatal> {
        let result = if self.has_failed { Ok(()) } else { self.workers.apply.flush() };
        self.abandon();
        result
    }

    /// Takes out what the driver gave; permits of answered requests are free again.
    pub fn take_outgoing(&mut self) -> Outgoing<S::Reply> {
        let World { frames, probes, answers, notices, stop } =
            std::mem::take(&mut self.output.world);
        let settle = |answer: Answer<S::Reply>| {
            self.admission.give_back(answer.permit);
            (answer.call, answer.result)
        };
        let answers = answers.into_iter().map(settle).collect();
        Outgoing { frames, probes, answers, notices, stop }
    }

    /// A copy of the core's state.
    pub fn status(&self) -> Status {
        self.workers.raft.status()
    }

    /// Brings such a copy up to date; whether anything in it changed.
    pub fn refresh(&self, status: &mut Status) -> bool {
        self.workers.raft.refresh(status)
    }

    /// The state machine, to be looked at.
    pub fn machine(&self) -> &S {
        self.workers.apply.machine()
    }

    /// How many writes wait for the log worker, or are kept by it until an installation
    /// is over.
    pub fn waiting_writes(&self) -> usize {
        self.inboxes.log.writes.len()
    }

    /// Whether a write waits for the log worker that puts other entries in the place of
    /// some up to `last`.
    pub fn is_replacement_waiting(&self, last: Index) -> bool {
        self.inboxes.log.writes.iter().any(|write| match &write.op {
            WriteOp::Append(entries) => entries.first().is_some_and(|first| first.index <= last),
            WriteOp::Ballot(_) | WriteOp::Install { .. } | WriteOp::Purge(_) => false,
        })
    }

    /// Whether the log worker is between two turns of an installation.
    pub fn is_installing(&self) -> bool {
        self.workers.log.is_installing()
    }

    /// How many requests wait for an answer.
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    fn log_wants_idle(&self) -> bool {
        !self.is_busy(Worker::Log) && self.workers.log.wants_idle(&self.inboxes.log)
    }

    fn apply_wants_idle(&self) -> bool {
        self.workers.apply.wants_idle(&self.inboxes.apply)
    }

    fn conclude(&mut self, result: Result<(), Fatal>) -> Result<(), Fatal> {
        match &result {
            Ok(()) => self.output.hand_on(&mut self.inboxes),
            Err(_) => self.abandon(),
        }
        result
    }

    /// Nothing is acknowledged any more: whoever waits is told that the node stops,
    /// and no worker hears of what the last turn gave.
    fn abandon(&mut self) {
        self.has_failed = true;
        self.begun = Default::default();
        let (inboxes, out) = (&mut self.inboxes, &mut self.output);
        self.workers.raft.abandon(&mut inboxes.raft, out);
        self.workers.apply.abandon(&mut inboxes.apply, out);
        out.hand_on(&mut Inboxes::default());
    }
}
