//! A node's process: the real driver on the node's disks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use balsa::driver::queues::Notice;
use balsa::driver::recovery::Stores;
use balsa::driver::request::{CallId, Done, RequestBody, RequestError};
use balsa::driver::{Driver, DriverConfig, OpenError, RequestIds, Worker};
use bytes::Bytes;
use kv_statemachine::{
    Command, KvReader, KvView, RangeRequest, ReadError, Reply, RequestId, codec,
};
use raft_core::{
    Change, Entry, EntryKind, Ignored, Index, NodeId, SnapshotMeta, Status, StopReason, Term, Time,
};
use raft_net::{ForwardId, Frame, TransportEvent};
use raft_storage::{LogStore, RecoveredLog, SnapshotStore};

use super::disks::Disks;
use super::sightings::{Sighting, Sightings};
use super::watched_log::{DurableIndex, WatchedLog};
use super::watched_machine::WatchedMachine;
#[cfg(feature = "planted-bugs")]
use crate::mutation::Mutation;
use crate::workload::{OpId, Outcome, Request};

/// What a process is started with.
#[derive(Clone, Debug)]
pub struct ProcessConfig {
    /// The driver's settings; the storage id is filled in.
    pub driver: DriverConfig,
    /// What a new node starts from.
    pub bootstrap: SnapshotMeta,
    /// A bug to commit on purpose.
    #[cfg(feature = "planted-bugs")]
    pub mutation: Option<&'static Mutation>,
}

/// What came of starting a process.
pub struct Booted {
    /// What lay in the log, if it could be opened.
    pub found: Option<RecoveredLog>,
    /// What was done to the disks on the way.
    pub seen: Vec<Sighting>,
    /// The process, or why there is none.
    pub process: Result<Process, OpenError>,
}

/// A running process.
pub struct Process {
    driver: Driver<WatchedMachine>,
    reader: KvReader,
    sightings: Sightings,
    storage_id: u64,
    calls: BTreeMap<CallId, Call>,
    next_call: u64,
    /// Requests that were served here and now, or not let in.
    served: Vec<(OpId, Outcome)>,
}

/// Who made a request.
#[derive(Debug)]
enum Call {
    Write(OpId),
    Read(OpId, RangeRequest),
    Admin { is_transfer: bool },
}

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminRequest {
    /// Another membership.
    Change(Change),
    /// Another leader.
    Transfer(Option<NodeId>),
}

impl fmt::Display for AdminRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AdminRequest::Change(change) => change.fmt(f),
            AdminRequest::Transfer(Some(to)) => write!(f, "hand over to {to}"),
            AdminRequest::Transfer(None) => f.write_str("hand over"),
        }
    }
}

/// What an operator is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdminAnswer {
    /// Whether it was about a transfer.
    pub is_transfer: bool,
    /// Why it was not done, if it was not.
    pub error: Option<RequestError>,
}

impl fmt::Display for AdminAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_transfer { "transfer" } else { "change" };
        match &self.error {
            None => write!(f, "{what} done"),
            Some(error) => write!(f, "{what}: {error}"),
        }
    }
}

/// What a process gives out.
#[derive(Debug, Default)]
pub struct Output {
    /// Frames, with their receivers.
    pub frames: Vec<(NodeId, Frame)>,
    /// Peers to be looked for.
    pub probes: Vec<NodeId>,
    /// What clients are told.
    pub outcomes: Vec<(OpId, Outcome)>,
    /// What operators are told.
    pub admin: Vec<AdminAnswer>,
    /// A disk refused something that can be tried again.
    pub failures: Vec<String>,
    /// How many batches of fetched entries came too late to be sent.
    pub stale_fetches: u64,
    /// The node must stop for good.
    pub stop: Option<StopReason>,
}

impl Process {
    /// Starts a process on a node's disks.
    pub fn boot(config: &ProcessConfig, disks: &mut Disks, now: Time) -> Booted {
        let sightings = Sightings::default();
        let mut found = None;
        let process = open(config, disks, now, &sightings, &mut found);
        Booted { found, seen: sightings.take(), process }
    }

    /// The random id of its data folder.
    pub fn storage_id(&self) -> u64 {
        self.storage_id
    }

    /// A client asks for something. It is told by the deadline.
    pub fn submit(&mut self, op: OpId, request: &Request, deadline: Time) {
        let (call, body, refused) = match request {
            Request::Write(operation) => {
                let payload = codec::encode(&Command::new(operation.clone()));
                let body = RequestBody::Write { format: codec::FORMAT, payload };
                (Call::Write(op), body, Outcome::NotWritten)
            }
            Request::Read(range) => {
                (Call::Read(op, range.clone()), RequestBody::Read, Outcome::NotRead)
            }
            Request::LocalRead(range) => {
                self.served.push((op, self.read(range)));
                return;
            }
        };
        if !self.call(call, body, deadline) {
            self.served.push((op, refused));
        }
    }

    /// An operator asks for something; `false` if there is no room for it.
    pub fn submit_admin(&mut self, request: AdminRequest, deadline: Time) -> bool {
        let is_transfer = matches!(request, AdminRequest::Transfer(_));
        let body = match request {
            AdminRequest::Change(change) => RequestBody::ChangeMembership(change),
            AdminRequest::Transfer(to) => RequestBody::TransferLeadership(to),
        };
        self.call(Call::Admin { is_transfer }, body, deadline)
    }

    fn call(&mut self, call: Call, body: RequestBody, deadline: Time) -> bool {
        self.next_call += 1;
        let id = CallId(self.next_call);
        let is_in = self.driver.submit(id, deadline, body).is_ok();
        if is_in {
            self.calls.insert(id, call);
        }
        is_in
    }

    /// The transport has something to say.
    pub fn deliver(&mut self, event: TransportEvent) {
        self.driver.deliver(event);
    }

    /// Whether a turn of this worker would do something now.
    pub fn has_work(&self, worker: Worker, now: Time) -> bool {
        self.driver.has_work(worker, now)
    }

    /// When a worker wants a turn even if nothing comes in.
    pub fn next_wakeup(&self) -> Time {
        self.driver.next_wakeup()
    }

    /// Gives a worker a turn.
    ///
    /// # Errors
    ///
    /// If a write failed: the process ends. Says what failed.
    pub fn turn(&mut self, worker: Worker, now: Time) -> Result<(), String> {
        self.driver.turn(worker, now).map_err(|fatal| fatal.to_string())
    }

    /// Begins a worker's turn, of which the others hear at its [`Process::end`].
    ///
    /// # Errors
    ///
    /// As those of [`Process::turn`].
    pub fn begin(&mut self, worker: Worker, now: Time) -> Result<(), String> {
        self.driver.begin(worker, now).map_err(|fatal| fatal.to_string())
    }

    /// Ends a worker's turn.
    pub fn end(&mut self, worker: Worker) {
        self.driver.end(worker);
    }

    /// Whether a write waits that replaces entries up to `last`.
    pub fn is_replacement_waiting(&self, last: Index) -> bool {
        self.driver.is_replacement_waiting(last)
    }

    /// Whether the log waits for the next step of an installation.
    pub fn is_installing(&self) -> bool {
        self.driver.is_installing()
    }

    /// Whether the log store should hear that there is a pause.
    pub fn wants_idle(&self) -> bool {
        self.driver.wants_idle()
    }

    /// Tells the log store that there is a pause.
    ///
    /// # Errors
    ///
    /// As those of [`Process::turn`].
    pub fn idle(&mut self) -> Result<(), String> {
        self.driver.idle().map_err(|fatal| fatal.to_string())
    }

    /// Takes out what the last turns gave.
    pub fn take_output(&mut self) -> Output {
        let outgoing = self.driver.take_outgoing();
        let mut output = Output {
            frames: outgoing.frames,
            probes: outgoing.probes,
            stop: outgoing.stop,
            outcomes: std::mem::take(&mut self.served),
            ..Output::default()
        };
        for (id, result) in outgoing.answers {
            match self.calls.remove(&id) {
                Some(Call::Write(op)) => output.outcomes.push((op, written(result))),
                Some(Call::Read(op, range)) => {
                    let outcome = result.map_or(Outcome::NotRead, |_| self.read(&range));
                    output.outcomes.push((op, outcome));
                }
                Some(Call::Admin { is_transfer }) => {
                    output.admin.push(AdminAnswer { is_transfer, error: result.err() });
                }
                None => {}
            }
        }
        for notice in outgoing.notices {
            match notice {
                Notice::Failed { what, error } => output.failures.push(format!("{what}: {error}")),
                // Only what was fetched is put aside for its age and came from nobody.
                Notice::Ignored { from: None, reason: Ignored::Stale } => output.stale_fetches += 1,
                _ => {}
            }
        }
        output
    }

    fn read(&self, range: &RangeRequest) -> Outcome {
        match self.view().range(range) {
            Ok(found) => Outcome::Read(Ok(found)),
            Err(ReadError::Request(error)) => Outcome::Read(Err(error)),
            Err(ReadError::NotReadOnly | ReadError::Storage(_)) => Outcome::NotRead,
        }
    }

    /// What was seen since the last time.
    pub fn take_sightings(&self) -> Vec<Sighting> {
        self.sightings.take()
    }

    /// How many writes wait for the log.
    pub fn waiting_writes(&self) -> usize {
        self.driver.waiting_writes()
    }

    /// The store as it is now.
    pub fn view(&self) -> KvView {
        self.reader.view()
    }

    /// How the core stands.
    pub fn status(&self) -> Status {
        self.driver.status()
    }

    /// Brings such a copy up to date; whether anything in it changed.
    pub fn refresh(&self, status: &mut Status) -> bool {
        self.driver.refresh(status)
    }
}

fn open(
    config: &ProcessConfig,
    disks: &mut Disks,
    now: Time,
    sightings: &Sightings,
    found: &mut Option<RecoveredLog>,
) -> Result<Process, OpenError> {
    #[cfg(feature = "planted-bugs")]
    disks.plant(config.mutation.and_then(Mutation::in_storage));
    let log = disks.open_log(&config.bootstrap)?;
    *found = Some(log.recovered().clone());
    let storage_id = log.storage_id();
    let snapshots: Arc<dyn SnapshotStore> = Arc::new(disks.open_snapshots()?);
    let durable = DurableIndex::default();
    let machine = disks.open_machine(&config.bootstrap)?;
    #[cfg(feature = "planted-bugs")]
    let machine = with_bug(machine, config.mutation);
    let machine = WatchedMachine::new(machine, sightings.clone(), durable.clone())?;
    let reader = machine.reader();
    let log = WatchedLog::new(Box::new(log), sightings.clone(), durable, snapshots.clone());
    let mut driver_config = config.driver.clone();
    driver_config.storage_id = Some(storage_id);
    #[cfg(feature = "planted-bugs")]
    {
        driver_config.planted = config.mutation.and_then(Mutation::in_driver);
        driver_config.raft.planted = config.mutation.and_then(Mutation::in_core);
    }
    let stores = Stores { log: Box::new(log), machine, snapshots };
    let request_ids = RequestIds { attach, of_reply };
    let (driver, _) = Driver::open(&driver_config, request_ids, stores, now)?;
    Ok(Process {
        driver,
        reader,
        sightings: sightings.clone(),
        storage_id,
        calls: BTreeMap::new(),
        next_call: 0,
        served: Vec::new(),
    })
}

#[cfg(feature = "planted-bugs")]
fn with_bug(
    mut machine: kv_statemachine::KvStateMachine,
    mutation: Option<&'static Mutation>,
) -> kv_statemachine::KvStateMachine {
    machine.plant(mutation.and_then(Mutation::in_store));
    machine
}

/// What the answer to a write means for its client.
fn written(result: Result<Done<Reply>, RequestError>) -> Outcome {
    match result {
        Ok(Done::Written { reply, .. }) => Outcome::Written(reply.outcome),
        Ok(Done::Readable(_) | Done::Changed(_) | Done::Transferred(_)) => Outcome::Unknown,
        Err(RequestError::NotDone(_)) => Outcome::NotWritten,
        Err(RequestError::Unknown(_)) => Outcome::Unknown,
    }
}

/// Puts the id of a forwarded write into its command.
fn attach(payload: Bytes, id: ForwardId) -> Bytes {
    let entry = Entry {
        term: Term::ZERO,
        index: Index::ZERO,
        kind: EntryKind::COMMAND,
        format: codec::FORMAT,
        payload,
    };
    match codec::decode(&entry) {
        Ok(Ok(command)) => {
            let ForwardId { node, incarnation, counter } = id;
            let request_id = Some(RequestId { node, incarnation, counter });
            codec::encode(&Command { request_id, ..command })
        }
        // The simulated clients send nothing else.
        Ok(Err(_)) | Err(_) => entry.payload,
    }
}

fn of_reply(reply: &Reply) -> Option<ForwardId> {
    reply.request_id.map(|RequestId { node, incarnation, counter }| ForwardId {
        node,
        incarnation,
        counter,
    })
}
