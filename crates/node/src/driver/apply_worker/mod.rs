//! The apply worker: committed entries in, answers out.
//!
//! It does what its inbox says, in order, and owns the state machine. All entries
//! that wait are applied as one batch. Clients are registered before the entries
//! they wait for come in, for the Raft worker issues both in that order.

mod waiters;

use std::sync::Arc;

use raft_core::{
    Entry, Event, Incarnation, Index, NodeId, Position, Refusal, SnapshotMeta, Ticket, TransferId,
    WriteSeq,
};
use raft_storage::{SnapshotStore, StateMachine, StorageError};

use self::waiters::{Awaited, Waiters};
use super::config::RequestIds;
use super::error::Fatal;
use super::queues::{
    ApplyInbox, ApplyItem, ApplyNote, FetchItem, LogNote, Notice, Output, PurgeBound,
};
use super::request::{Done, NotDone, RequestError, Unknown, Waiter};

/// Owns the state machine and the clients that wait for it.
pub struct ApplyWorker<S: StateMachine> {
    machine: S,
    snapshots: Arc<dyn SnapshotStore>,
    request_ids: RequestIds<S::Reply>,
    /// This node and its life: whose forwarded writes are answered here.
    own: (NodeId, Incarnation),
    /// The last entry applied.
    applied: Position,
    waiters: Waiters,
    /// The installation at which the log worker waits.
    log_paused: Option<WriteSeq>,
    install: Option<Install>,
    /// The state machine may have upkeep to do.
    has_upkeep: bool,
    /// Reused from batch to batch.
    replies: Vec<Option<S::Reply>>,
    failed: bool,
}

/// An installation under way; see [`log_worker`](super::log_worker) for its steps.
struct Install {
    write: WriteSeq,
    from: NodeId,
    id: TransferId,
    meta: SnapshotMeta,
    is_replaced: bool,
}

impl<S: StateMachine> ApplyWorker<S> {
    /// A worker for a state machine that was just opened.
    pub fn new(
        machine: S,
        snapshots: Arc<dyn SnapshotStore>,
        own: (NodeId, Incarnation),
        request_ids: RequestIds<S::Reply>,
    ) -> ApplyWorker<S> {
        ApplyWorker {
            applied: machine.applied().position,
            machine,
            snapshots,
            request_ids,
            own,
            waiters: Waiters::default(),
            log_paused: None,
            install: None,
            has_upkeep: true,
            replies: Vec::new(),
            failed: false,
        }
    }

    /// Whether a turn would do something.
    pub fn has_work(&self, inbox: &ApplyInbox) -> bool {
        !self.failed && (!inbox.items.is_empty() || !inbox.notes.is_empty())
    }

    /// Whether [`ApplyWorker::idle`] would do something.
    pub fn wants_idle(&self, inbox: &ApplyInbox) -> bool {
        self.has_upkeep && !self.failed && self.install.is_none() && !self.has_work(inbox)
    }

    /// Lets the state machine do a piece of its upkeep. To be called when nothing
    /// came for a moment; whoever waits for an entry would wait for it.
    ///
    /// # Errors
    ///
    /// If the state's disk refuses; the worker does nothing more then.
    pub fn idle(&mut self) -> Result<(), Fatal> {
        if self.failed || self.install.is_some() {
            return Ok(());
        }
        let result = self.machine.idle();
        self.failed = result.is_err();
        self.has_upkeep = result.map_err(Fatal::State)?;
        Ok(())
    }

    /// The state machine, to be looked at.
    pub fn machine(&self) -> &S {
        &self.machine
    }

    /// The last index applied.
    pub fn applied(&self) -> Index {
        self.applied.index
    }

    /// Does what waits.
    ///
    /// # Errors
    ///
    /// If the state's disk refuses; the worker does nothing more then.
    ///
    /// # Panics
    ///
    /// If entries or steps of an installation come out of order.
    pub fn turn(
        &mut self,
        inbox: &mut ApplyInbox,
        out: &mut Output<S::Reply>,
    ) -> Result<(), Fatal> {
        if self.failed {
            return Ok(());
        }
        let result = self.work(inbox, out);
        self.failed = result.is_err();
        result.map_err(Fatal::State)
    }

    /// Makes all that was applied durable: for an orderly stop, after which the
    /// next start has nothing to apply again.
    ///
    /// # Errors
    ///
    /// If the state's disk refuses.
    pub fn flush(&mut self) -> Result<(), Fatal> {
        if self.failed {
            return Ok(());
        }
        let result = self.machine.flush();
        self.failed = result.is_err();
        result.map_err(Fatal::State)
    }

    /// Answers everybody who waits, because the node stops.
    pub fn abandon(&mut self, inbox: &mut ApplyInbox, out: &mut Output<S::Reply>) {
        for item in inbox.items.drain(..) {
            match item {
                ApplyItem::AwaitPosition { position, waiter } => {
                    self.waiters.add(waiter, Awaited::Position(position));
                }
                ApplyItem::AwaitForwarded(waiter) => self.waiters.add(waiter, Awaited::Forwarded),
                ApplyItem::AwaitRead { index, waiter } => {
                    self.waiters.add(waiter, Awaited::Read(index));
                }
                ApplyItem::Entries(_)
                | ApplyItem::ForwardRefused { .. }
                | ApplyItem::LeaderChanged
                | ApplyItem::Expired(_)
                | ApplyItem::TakeSnapshot
                | ApplyItem::SnapshotWritten(_)
                | ApplyItem::Install { .. } => {}
            }
        }
        for (waiter, awaited) in self.waiters.take_all() {
            let error = match awaited {
                Awaited::Read(_) => RequestError::NotDone(NotDone::Stopping),
                Awaited::Position(_) | Awaited::Forwarded => {
                    RequestError::Unknown(Unknown::Stopping)
                }
            };
            answer(waiter, Err(error), out);
        }
    }

    fn work(
        &mut self,
        inbox: &mut ApplyInbox,
        out: &mut Output<S::Reply>,
    ) -> Result<(), StorageError> {
        let mut flush = false;
        while let Some(note) = inbox.notes.pop_front() {
            match note {
                ApplyNote::LogPaused(write) => self.log_paused = Some(write),
                ApplyNote::LogReset(write) => self.finish_install(write, out)?,
                ApplyNote::Flush => flush = true,
            }
        }
        let mut batch = Vec::new();
        while let Some(item) = inbox.items.pop_front() {
            match item {
                ApplyItem::Entries(entries) if batch.is_empty() => batch = entries,
                ApplyItem::Entries(mut entries) => batch.append(&mut entries),
                // What they wait for comes later: they need not part the batch.
                ApplyItem::AwaitPosition { position, waiter } => {
                    self.waiters.add(waiter, Awaited::Position(position));
                }
                ApplyItem::AwaitForwarded(waiter) => self.waiters.add(waiter, Awaited::Forwarded),
                ApplyItem::AwaitRead { index, waiter } => {
                    self.waiters.add(waiter, Awaited::Read(index));
                    self.serve_reads(out);
                }
                ApplyItem::ForwardRefused { ticket, reason } => {
                    self.apply(&mut batch, out)?;
                    self.refuse_forwarded(ticket, reason, out);
                }
                ApplyItem::LeaderChanged => {
                    self.apply(&mut batch, out)?;
                    self.give_up_forwarded(Unknown::LeaderChanged, out);
                }
                ApplyItem::Expired(ticket) => {
                    self.apply(&mut batch, out)?;
                    self.expire(ticket, out);
                }
                ApplyItem::TakeSnapshot => {
                    self.apply(&mut batch, out)?;
                    self.prepare_snapshot(out);
                }
                ApplyItem::SnapshotWritten(meta) => self.announce_snapshot(meta, out)?,
                ApplyItem::Install { write, from, id, meta } => {
                    self.apply(&mut batch, out)?;
                    assert!(self.install.is_none(), "one installation at a time");
                    self.install = Some(Install { write, from, id, meta, is_replaced: false });
                }
            }
        }
        self.apply(&mut batch, out)?;
        if flush {
            self.flush_for_the_log(out)?;
        }
        self.replace_state_if_all_wait(out)
    }

    /// Applies the batch and answers who waited for it.
    fn apply(
        &mut self,
        batch: &mut Vec<Entry>,
        out: &mut Output<S::Reply>,
    ) -> Result<(), StorageError> {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return Ok(()) };
        assert!(self.install.is_none(), "nothing is applied across an installation");
        assert_eq!(first.index, self.applied.index.next(), "entries are applied in order");
        let last = last.position();
        self.replies.clear();
        self.machine.apply(batch, &mut self.replies)?;
        assert_eq!(self.replies.len(), batch.len(), "one item of reply for each entry");
        let mut replies = std::mem::take(&mut self.replies);
        for (entry, reply) in batch.drain(..).zip(replies.drain(..)) {
            self.settle(entry.position(), reply, out);
        }
        self.replies = replies;
        self.applied = last;
        self.has_upkeep = true;
        out.completions.push(Event::Applied(last.index));
        self.serve_reads(out);
        Ok(())
    }

    /// Answers who waited for this entry, or for another one in its place.
    fn settle(&mut self, at: Position, reply: Option<S::Reply>, out: &mut Output<S::Reply>) {
        let is_new_term = at.term > self.applied.term;
        self.applied = at;
        let forwarded = reply.as_ref().and_then(self.request_ids.of_reply);
        let own = forwarded.filter(|id| (id.node, id.incarnation) == self.own);
        let waiter = match own {
            Some(id) => self.waiters.take_forwarded(Ticket(id.counter)),
            None => self.waiters.take_at(at),
        };
        if let Some(waiter) = waiter {
            let done = match reply {
                Some(reply) => Done::Written { position: at, reply },
                None => Done::Changed(at),
            };
            answer(waiter, Ok(done), out);
        }
        self.fail_replaced(at, is_new_term, out);
    }

    /// Entries that another one replaced certainly never will be applied.
    fn fail_replaced(&mut self, at: Position, is_new_term: bool, out: &mut Output<S::Reply>) {
        let mut replaced = self.waiters.take_up_to(at.index);
        if is_new_term {
            replaced.extend(self.waiters.take_older_terms(at.term));
        }
        for waiter in replaced {
            answer(waiter, not_done(NotDone::Replaced), out);
        }
    }

    fn refuse_forwarded(&mut self, ticket: Ticket, reason: Refusal, out: &mut Output<S::Reply>) {
        if let Some(waiter) = self.waiters.take_forwarded(ticket) {
            answer(waiter, not_done(NotDone::Refused(reason)), out);
        }
    }

    fn give_up_forwarded(&mut self, why: Unknown, out: &mut Output<S::Reply>) {
        for waiter in self.waiters.take_all_forwarded() {
            answer(waiter, unknown(why), out);
        }
    }

    fn expire(&mut self, ticket: Ticket, out: &mut Output<S::Reply>) {
        if let Some((waiter, awaited)) = self.waiters.take(ticket) {
            let result = match awaited {
                Awaited::Read(_) => not_done(NotDone::TimedOut),
                Awaited::Position(_) | Awaited::Forwarded => unknown(Unknown::TimedOut),
            };
            answer(waiter, result, out);
        }
    }

    fn serve_reads(&mut self, out: &mut Output<S::Reply>) {
        let index = self.applied.index;
        for waiter in self.waiters.take_readable(index) {
            answer(waiter, Ok(Done::Readable(index)), out);
        }
    }

    /// Pins the state as it is between two batches; the fetch worker writes it out.
    fn prepare_snapshot(&mut self, out: &mut Output<S::Reply>) {
        match self.machine.prepare_snapshot() {
            Ok(job) => out.fetch.push(FetchItem::WriteSnapshot(job)),
            Err(error) => {
                out.completions.push(Event::SnapshotFailed);
                out.world.notices.push(Notice::Failed { what: "prepare a snapshot", error });
            }
        }
    }

    /// A snapshot is complete: the log may be purged as far as it reaches, if what
    /// a crash would leave of the state reaches as far.
    fn announce_snapshot(
        &mut self,
        meta: SnapshotMeta,
        out: &mut Output<S::Reply>,
    ) -> Result<(), StorageError> {
        let snapshot = meta.position.index;
        let mut durable = self.machine.durable()?;
        if durable < snapshot {
            self.machine.flush()?;
            durable = self.machine.durable()?;
        }
        out.log_notes.push(LogNote::PurgeBound(PurgeBound { durable, snapshot }));
        out.world.notices.push(Notice::SnapshotTaken(meta.clone()));
        out.completions.push(Event::SnapshotTaken(meta));
        Ok(())
    }

    /// The log has outgrown its limit. What is durable of the state need not be
    /// applied again from it.
    fn flush_for_the_log(&mut self, out: &mut Output<S::Reply>) -> Result<(), StorageError> {
        self.machine.flush()?;
        let durable = self.machine.durable()?;
        let bound = PurgeBound { durable, ..PurgeBound::default() };
        out.log_notes.push(LogNote::PurgeBound(bound));
        Ok(())
    }

    /// Step 2 of an installation, once both sides have come to it: everything
    /// before is applied here and durable in the log.
    fn replace_state_if_all_wait(
        &mut self,
        out: &mut Output<S::Reply>,
    ) -> Result<(), StorageError> {
        let Some(install) = &mut self.install else { return Ok(()) };
        if install.is_replaced || self.log_paused != Some(install.write) {
            return Ok(());
        }
        let mut source = self.snapshots.open_received(install.from, install.id)?;
        assert_eq!(*source.meta(), install.meta, "the snapshot is the one that was announced");
        self.machine.install(source.as_mut())?;
        assert_eq!(self.machine.applied(), install.meta, "the state is that of the snapshot");
        install.is_replaced = true;
        let Install { write, from, id, .. } = *install;
        out.fetch.push(FetchItem::Promote { write, from, id });
        Ok(())
    }

    /// Step 5 of an installation: the log is reset, so the mark may go. Only now is
    /// anybody told of the new state.
    fn finish_install(
        &mut self,
        write: WriteSeq,
        out: &mut Output<S::Reply>,
    ) -> Result<(), StorageError> {
        let install = self.install.take().expect("only an installation resets the log");
        assert!(install.write == write && install.is_replaced, "the steps come in order");
        self.machine.finish_install()?;
        self.has_upkeep = true;
        self.log_paused = None;
        let covered = install.meta.position;
        self.settle_covered(covered, out);
        let durable = self.machine.durable()?;
        let bound = PurgeBound { durable, snapshot: covered.index };
        out.log_notes.push(LogNote::PurgeBound(bound));
        out.log_notes.push(LogNote::InstallFinished(write));
        out.world.notices.push(Notice::SnapshotInstalled(install.meta));
        Ok(())
    }

    /// Answers who waited for something up to `covered`: it was jumped over.
    fn settle_covered(&mut self, covered: Position, out: &mut Output<S::Reply>) {
        let is_new_term = covered.term > self.applied.term;
        for waiter in self.waiters.take_covered(covered) {
            answer(waiter, unknown(Unknown::Overtaken), out);
        }
        self.give_up_forwarded(Unknown::Overtaken, out);
        self.fail_replaced(covered, is_new_term, out);
        self.applied = covered;
        self.serve_reads(out);
    }
}

fn answer<R>(waiter: Waiter, result: Result<Done<R>, RequestError>, out: &mut Output<R>) {
    out.settled.push(waiter.ticket);
    out.world.answers.push(waiter.answer(result));
}

fn not_done<R>(why: NotDone) -> Result<Done<R>, RequestError> {
    Err(RequestError::NotDone(why))
}

fn unknown<R>(why: Unknown) -> Result<Done<R>, RequestError> {
    Err(RequestError::Unknown(why))
}
