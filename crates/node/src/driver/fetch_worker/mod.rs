//! The fetch worker: everything slow that nobody must wait for.
//!
//! It reads old entries for peers that are behind, writes snapshots of the own
//! state, sends them and receives those of others. It is the only one that changes
//! the snapshot store, so that what is the newest snapshot never depends on which
//! of two workers was faster. A turn does one thing from the inbox and then lets
//! each transfer send one chunk, so a long one delays nobody for long.

mod receive;
mod send;

use std::collections::BTreeMap;
use std::sync::Arc;

use raft_core::{Entry, Event, Index, NodeId, SnapshotMeta, Term, Time, TransferId, WriteSeq};
use raft_net::SnapshotProgress;
use raft_storage::{LogReader, SnapshotJob, SnapshotStore, StorageError};

use self::receive::Reception;
use self::send::{Fate, Sending};
use super::config::DriverLimits;
use super::error::Fatal;
use super::queues::{ApplyItem, FetchInbox, FetchItem, LogNote, Notice, Output};

/// Reads the log; owns the snapshots and their transfers.
pub struct FetchWorker {
    reader: Arc<dyn LogReader>,
    snapshots: Arc<dyn SnapshotStore>,
    limits: DriverLimits,
    sending: BTreeMap<NodeId, Sending>,
    reception: Reception,
    failed: bool,
}

impl FetchWorker {
    /// A worker without transfers.
    pub fn new(
        reader: Arc<dyn LogReader>,
        snapshots: Arc<dyn SnapshotStore>,
        limits: DriverLimits,
    ) -> FetchWorker {
        let (sending, reception) = (BTreeMap::new(), Reception::default());
        FetchWorker { reader, snapshots, limits, sending, reception, failed: false }
    }

    /// Whether a turn would do something now.
    pub fn has_work(&self, inbox: &FetchInbox, now: Time) -> bool {
        let window = self.limits.snapshot_window;
        let can_send = |sending: &Sending| sending.can_send(window);
        !self.failed
            && (!inbox.items.is_empty()
                || self.next_wakeup() <= now
                || self.sending.values().any(can_send))
    }

    /// When to give a turn even if nothing comes in.
    pub fn next_wakeup(&self) -> Time {
        self.sending.values().map(Sending::wakes_at).min().unwrap_or(Time::NEVER)
    }

    /// Does the next thing, and sends a chunk of each transfer.
    ///
    /// # Errors
    ///
    /// If an installed snapshot cannot be kept. Everything else that a disk refuses
    /// can be tried again and is told as a [`Notice`].
    pub fn turn<R>(
        &mut self,
        now: Time,
        inbox: &mut FetchInbox,
        out: &mut Output<R>,
    ) -> Result<(), Fatal> {
        if self.failed {
            return Ok(());
        }
        if let Some(item) = inbox.items.pop_front() {
            self.act(now, item, out)?;
        }
        self.ask_those_due(now, out);
        self.send_chunks(out);
        Ok(())
    }

    fn act<R>(&mut self, now: Time, item: FetchItem, out: &mut Output<R>) -> Result<(), Fatal> {
        match item {
            FetchItem::Read { id, epoch, first, last, max_bytes } => {
                let entries = self.read(first, last, max_bytes, out);
                out.completions.push(Event::Fetched { id, epoch, entries });
            }
            FetchItem::WriteSnapshot(job) => self.write_snapshot(job, out),
            FetchItem::SendSnapshot { to, term, id } => self.begin_sending(now, to, term, id, out),
            FetchItem::Header(from, header) => {
                self.reception.on_header(from, header, self.snapshots.as_ref(), out);
            }
            FetchItem::Chunk(from, chunk) => {
                self.reception.on_chunk(from, chunk, self.snapshots.as_ref(), out);
            }
            FetchItem::Progress(from, progress) => self.on_progress(now, from, progress, out),
            FetchItem::PeerLost(peer) => {
                if let Some(sending) = self.sending.get_mut(&peer) {
                    sending.on_lost(now, &self.limits);
                }
            }
            FetchItem::Promote { write, from, id } => return self.promote(write, from, id, out),
            FetchItem::Discard { from, id } => self.discard(from, id, out),
        }
        Ok(())
    }

    fn read<R>(
        &self,
        first: Index,
        last: Index,
        max_bytes: u64,
        out: &mut Output<R>,
    ) -> Option<Vec<Entry>> {
        match self.reader.read(first, last, max_bytes) {
            Ok(entries) => Some(entries),
            // Purged while the request was on its way; the core sends a snapshot.
            Err(StorageError::Missing { .. }) => None,
            Err(error) => {
                out.world.notices.push(Notice::Failed { what: "read old entries", error });
                None
            }
        }
    }

    fn write_snapshot<R>(&mut self, job: Box<dyn SnapshotJob>, out: &mut Output<R>) {
        match self.run(job) {
            Ok(Some(meta)) => out.apply.push(ApplyItem::SnapshotWritten(meta)),
            Ok(None) => out.completions.push(Event::SnapshotFailed),
            Err(error) => {
                out.world.notices.push(Notice::Failed { what: "take a snapshot", error });
                out.completions.push(Event::SnapshotFailed);
            }
        }
    }

    /// Writes a snapshot; `None` if a newer one was installed since it was asked
    /// for. Finished, it would pose as the newest and fall short of the log.
    fn run(&self, job: Box<dyn SnapshotJob>) -> Result<Option<SnapshotMeta>, StorageError> {
        let mut sink = self.snapshots.create()?;
        let meta = job.run(sink.as_mut())?;
        let newest = self.snapshots.newest();
        if newest.is_some_and(|newest| newest.position.index >= meta.position.index) {
            return Ok(None);
        }
        sink.finish(meta.clone())?;
        Ok(Some(meta))
    }

    fn begin_sending<R>(
        &mut self,
        now: Time,
        to: NodeId,
        term: Term,
        id: TransferId,
        out: &mut Output<R>,
    ) {
        match self.snapshots.open_newest() {
            Ok(source) => {
                let stalls_at = now.after(self.limits.snapshot_stall);
                let mut sending = Sending::new(to, term, id, source, stalls_at);
                out.world.frames.push(sending.ask());
                self.sending.insert(to, sending);
            }
            Err(error) => {
                out.world.notices.push(Notice::Failed { what: "open a snapshot", error });
                out.completions.push(Event::SnapshotSent { to, id, delivered: false });
            }
        }
    }

    fn on_progress<R>(
        &mut self,
        now: Time,
        from: NodeId,
        progress: SnapshotProgress,
        out: &mut Output<R>,
    ) {
        let stall = self.limits.snapshot_stall;
        let Some(sending) = self.sending.get_mut(&from).filter(|it| it.id() == progress.id) else {
            return;
        };
        let fate = sending.on_progress(progress, now, stall);
        self.settle(from, fate, out);
    }

    fn ask_those_due<R>(&mut self, now: Time, out: &mut Output<R>) {
        let due = self.sending.iter().filter(|(_, sending)| sending.wakes_at() <= now);
        let due: Vec<NodeId> = due.map(|(to, _)| *to).collect();
        due.into_iter().for_each(|to| self.ask_again(now, to, out));
    }

    fn ask_again<R>(&mut self, now: Time, to: NodeId, out: &mut Output<R>) {
        let Some(sending) = self.sending.get_mut(&to) else { return };
        let fate = match sending.is_stalled(now) {
            true => sending.on_stall(now, &self.limits),
            false => Fate::Goes,
        };
        if fate == Fate::Goes {
            out.world.frames.push(sending.ask());
        }
        self.settle(to, fate, out);
    }

    fn send_chunks<R>(&mut self, out: &mut Output<R>) {
        let (window, bytes) = (self.limits.snapshot_window, self.limits.snapshot_chunk_bytes);
        let mut broken = Vec::new();
        for (to, sending) in self.sending.iter_mut().filter(|(_, it)| it.can_send(window)) {
            match sending.next_frame(bytes) {
                Ok(frame) => out.world.frames.extend(frame),
                Err(error) => {
                    out.world.notices.push(Notice::Failed { what: "read a snapshot", error });
                    broken.push(*to);
                }
            }
        }
        broken.into_iter().for_each(|to| self.settle(to, Fate::Failed, out));
    }

    fn settle<R>(&mut self, to: NodeId, fate: Fate, out: &mut Output<R>) {
        if fate == Fate::Goes {
            return;
        }
        if let Some(sending) = self.sending.remove(&to) {
            let (id, delivered) = (sending.id(), fate == Fate::Delivered);
            out.completions.push(Event::SnapshotSent { to, id, delivered });
        }
    }

    /// Step 3 of an installation; see [`log_worker`](super::log_worker).
    fn promote<R>(
        &mut self,
        write: WriteSeq,
        from: NodeId,
        id: TransferId,
        out: &mut Output<R>,
    ) -> Result<(), Fatal> {
        if let Err(error) = self.snapshots.promote(from, id) {
            self.failed = true;
            return Err(Fatal::Snapshots(error));
        }
        self.reception.forget(from, id);
        out.log_notes.push(LogNote::SnapshotPromoted(write));
        Ok(())
    }

    fn discard<R>(&mut self, from: NodeId, id: TransferId, out: &mut Output<R>) {
        self.reception.forget(from, id);
        if let Err(error) = self.snapshots.discard(from, id) {
            out.world.notices.push(Notice::Failed { what: "discard a snapshot", error });
        }
    }
}
