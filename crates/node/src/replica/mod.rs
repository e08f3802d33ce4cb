//! A replica: the driver's workers on threads, with a transport and a clock.
//!
//! This is what a node adds to the [driver](crate::driver) for any state machine.
//! Each worker is served by a thread of its own (or shares one, see [`Threads`]),
//! sleeps while it has nothing to do, and is woken once for all that has come in. The
//! Raft worker, which never waits for a disk, is also served by whoever has something
//! for it; see this module's `raft_turns.rs`.
//!
//! ```text
//!   ReplicaHandle ─▶ desk ─▶ ┌ Raft ┐ ─ frames ─▶ transport
//!        ▲  one answer each  └──────┘ ◀─ events ─
//!        └───────────────────  Log, Apply, Fetch
//! ```
//!
//! A [`Replica`] ends when it is asked to, when the protocol says so, or when a
//! worker fails; [`Replica::wait`] tells which. Whoever waits for an answer gets one
//! in each case.
//!
//! A replica embeds any [`StateMachine`]; [`Node`](crate::Node) is the one with the
//! key-value store.

mod clock;
mod desk;
mod handle;
mod observer;
mod raft_turns;
mod seat;
mod shared;
mod station;
pub mod trace;

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;

use raft_core::StopReason;
use raft_net::{Transport, TransportEvent};
use raft_storage::StateMachine;
use tokio::sync::watch;

use crate::driver::queues::{ApplyInbox, FetchInbox, LogInbox, Output};
use crate::driver::recovery::Stores;
use crate::driver::{DriverConfig, Fatal, Found, OpenError, RequestIds, Worker, Workers};

pub use desk::CallError;
pub use handle::ReplicaHandle;
pub use observer::{Observer, Unobserved};
pub use shared::Office;
pub use station::Threads;

use clock::Clock;
use seat::{ApplySeat, FetchSeat, LogSeat, OwnRaftSeat};
use shared::{Shared, panic_message};
use station::{Seats, serve};

/// What a transport gives its events to. What an event brings about happens before
/// the call returns: the same transport's `send` is called among other things, so the
/// caller must not hold a lock that this needs.
pub type EventSink = Box<dyn Fn(TransportEvent) + Send + Sync>;

/// A running replica. Dropped, it stops; [`Replica::stop`] waits until it has.
pub struct Replica<R> {
    shared: Arc<Shared<R>>,
    ending: watch::Receiver<Option<Ending>>,
}

/// Why a replica ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// It was asked to. What it had applied is durable.
    Stopped,
    /// The protocol said so: it must not be started again as it is.
    Dismissed(StopReason),
    /// A disk failed.
    Failed(Arc<Fatal>),
    /// A worker found something broken that must never be.
    Panicked(String),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Stopped => f.write_str("stopped"),
            Ending::Dismissed(reason) => write!(f, "{reason}"),
            Ending::Failed(fatal) => write!(f, "{fatal}"),
            Ending::Panicked(message) => write!(f, "a broken invariant: {message}"),
        }
    }
}

impl<R: Send + 'static> Replica<R> {
    /// Opens the workers from what the disks hold and starts their threads. It sends
    /// nothing before [`Replica::connect`].
    ///
    /// # Errors
    ///
    /// As those of [`Workers::open`], or if the system gives no thread.
    ///
    /// # Panics
    ///
    /// If `threads` does not serve each worker exactly once.
    pub fn start<S: StateMachine<Reply = R>>(
        config: &DriverConfig,
        request_ids: RequestIds<R>,
        stores: Stores<S>,
        threads: &Threads,
        observer: Arc<dyn Observer>,
    ) -> Result<(Replica<R>, Found), OpenError> {
        assert!(threads.is_complete(), "each worker is served by exactly one thread");
        let clock = Clock::start();
        let (workers, found) = Workers::open(config, request_ids, stores, clock.now())?;
        let Workers { raft, log, apply, fetch } = workers;
        let shared = Arc::new(Shared::new(clock, raft, &config.limits, observer));
        let mut seats = [
            Some(Box::new(OwnRaftSeat { shared: Arc::clone(&shared) }) as Box<dyn seat::Seat<R>>),
            Some(Box::new(LogSeat { worker: log, inbox: LogInbox::default() })),
            Some(Box::new(ApplySeat { worker: apply, inbox: ApplyInbox::default() })),
            Some(Box::new(FetchSeat { worker: fetch, inbox: FetchInbox::default() })),
        ];
        let mut served = Vec::new();
        for group in &threads.0 {
            let group: Seats<R> =
                group.iter().filter_map(|worker| seats[*worker as usize].take()).collect();
            served.push(spawn(group, &shared)?);
        }
        let (sender, ending) = watch::channel(None);
        let supervised = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("balsa-end".to_owned())
            .spawn(move || supervise(&supervised, served, &sender))
            .map_err(OpenError::Thread)?;
        Ok((Replica { shared, ending }, found))
    }

    /// Gives it the transport that its frames leave by. The transport's events go to
    /// [`Replica::events`].
    ///
    /// # Panics
    ///
    /// If it has one already.
    pub fn connect(&self, transport: Arc<dyn Transport>) {
        self.shared.connect(transport);
    }

    /// Takes in what the transport tells.
    pub fn events(&self) -> EventSink {
        let shared = Arc::clone(&self.shared);
        Box::new(move |event| shared.deliver(event))
    }

    /// Asks it.
    pub fn handle(&self) -> ReplicaHandle<R> {
        ReplicaHandle::new(Arc::clone(&self.shared))
    }

    /// Whether it has ended, for whatever reason.
    pub fn has_ended(&self) -> bool {
        self.ending.borrow().is_some()
    }

    /// Waits until it has ended, for whatever reason.
    pub async fn wait(&self) -> Ending {
        let mut ending = self.ending.clone();
        match ending.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone().unwrap_or(Ending::Stopped),
            Err(_) => Ending::Panicked("the thread that ends the replica is gone".to_owned()),
        }
    }

    /// Stops it. Everybody who waits is answered; what was applied is made durable.
    /// The leadership is not handed over; see [`ReplicaHandle::transfer_leadership`].
    pub async fn stop(&self) -> Ending {
        self.shared.stop();
        self.wait().await
    }
}

impl<R> Drop for Replica<R> {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

/// A thread that serves.
struct Served<R> {
    /// Whether a disk that hangs makes it hang.
    writes_log: bool,
    thread: JoinHandle<(Seats<R>, Result<(), Fatal>)>,
}

fn spawn<R: Send + 'static>(
    seats: Seats<R>,
    shared: &Arc<Shared<R>>,
) -> Result<Served<R>, OpenError> {
    let names: Vec<String> =
        seats.iter().map(|seat| format!("{:?}", seat.worker()).to_lowercase()).collect();
    let writes_log = seats.iter().any(|seat| seat.worker() == Worker::Log);
    let mine = Arc::clone(shared);
    let thread = std::thread::Builder::new().name(format!("balsa-{}", names.join("+")));
    match thread.spawn(move || serve(seats, &mine)) {
        Ok(thread) => Ok(Served { writes_log, thread }),
        Err(error) => {
            // Those that run already must not be left behind.
            shared.stop();
            Err(OpenError::Thread(error))
        }
    }
}

/// Waits for all threads, answers whoever still waits, and tells how it ended.
fn supervise<R>(
    shared: &Shared<R>,
    mut threads: Vec<Served<R>>,
    ending: &watch::Sender<Option<Ending>>,
) {
    let mut failure = None;
    // The log's comes last: while its disk hangs, nobody else has to wait for it.
    threads.sort_by_key(|served| served.writes_log);
    let mut others_ended = false;
    for Served { writes_log, thread } in threads {
        if writes_log && others_ended {
            shared::lock(&shared.desk).close();
        }
        match thread.join() {
            Ok((seats, result)) => {
                if let Err(fatal) = result {
                    failure.get_or_insert(Ending::Failed(Arc::new(fatal)));
                }
                leave(shared, seats, &mut failure);
            }
            Err(panic) => {
                failure.get_or_insert(Ending::Panicked(panic_message(panic.as_ref())));
            }
        }
        others_ended = true;
    }
    shared::lock(&shared.desk).close();
    // A broken invariant says more than a disk that failed after it.
    if let Some(message) = shared.panicked.get() {
        failure = Some(Ending::Panicked(message.clone()));
    }
    let dismissed = || shared.stop_reason.get().cloned().map(Ending::Dismissed);
    let how = failure.or_else(dismissed).unwrap_or(Ending::Stopped);
    ending.send_replace(Some(how));
}

/// Makes durable what can be, and answers those who wait at these seats. Their
/// stores are free before anybody hears that it is over.
fn leave<R>(shared: &Shared<R>, seats: Seats<R>, failure: &mut Option<Ending>) {
    let mut out = Output::new();
    for mut seat in seats {
        if failure.is_none() {
            *failure = seat.close().err().map(|fatal| Ending::Failed(Arc::new(fatal)));
        }
        seat.abandon(shared, &mut out);
    }
    shared.tell_world(&mut out.world);
}
