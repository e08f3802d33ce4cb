//! The log worker: writes, and nothing else, in order.
//!
//! A turn takes all writes that wait, makes one group and one sync of them, and
//! reports the last one. An installation is a barrier in this stream (rule 9).
//! Log and state are replaced in steps, each in a turn of its own, and the log
//! worker writes nothing else until the last one is done:
//!
//! ```text
//!   log      1 group before it synced ─┐              ┌─ 4 reset synced ─┐          ┌─ 6 Persisted
//!   apply                    drained   └▶ 2 replace ─┐│                  └▶ 5 finish┘
//!   fetch                                 the state  └▶ 3 promote the snapshot
//! ```
//!
//! It also counts what the state may lack after a crash: when that outgrows a limit
//! the apply worker is asked to make the state durable, and answers with a bound.
//!
//! Step 2 sets a mark in the state and step 5 removes it. A crash in between is
//! finished at the next start; see [`recovery`](super::recovery). The snapshot is
//! promoted while the mark stands, so that a log that was reset never lacks the
//! snapshot it begins with.

use raft_core::{Ballot, Entry, Event, Index, SnapshotMeta, Write, WriteOp, WriteSeq};
use raft_storage::{LogStore, LogWrite, StorageError};

use super::error::Fatal;
use super::planted::planted;
use super::queues::{ApplyNote, LogInbox, LogNote, Output, PurgeBound};

/// Owns the log store.
pub struct LogWorker {
    store: Box<dyn LogStore>,
    stage: Stage,
    /// The last write taken in.
    last: WriteSeq,
    purge_bound: PurgeBound,
    /// Bytes of entries written since the state was last known to be made durable.
    unflushed_bytes: u64,
    /// Above this many the state is to be made durable.
    unflushed_limit: u64,
    /// The apply worker was asked and has not answered.
    is_flush_asked: bool,
    /// Something was written since the store last heard of a pause. True at a start: the
    /// end that was found may be as the process before left it, without a mark, and a
    /// cluster that is quiet then would leave it so, open to damage that nobody notices.
    unmarked: bool,
    /// How far the store was told that the log is committed.
    noted: Index,
    #[cfg(feature = "planted-bugs")]
    planted: Option<super::Bug>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing is in the way.
    Writing,
    /// At an installation: the state is being replaced.
    Paused { write: WriteSeq, meta: SnapshotMeta },
    /// The log is reset, the state has yet to take note.
    Reset { write: WriteSeq },
    /// A write failed; nothing is written any more.
    Failed,
}

impl LogWorker {
    /// A worker for a store that was just opened. `purge_bound` is what state and
    /// snapshots allow at the start, `unflushed_limit` is
    /// [`DriverLimits::unflushed_bytes`](super::DriverLimits::unflushed_bytes).
    pub fn new(
        store: Box<dyn LogStore>,
        purge_bound: PurgeBound,
        unflushed_limit: u64,
    ) -> LogWorker {
        LogWorker {
            store,
            stage: Stage::Writing,
            last: WriteSeq(0),
            purge_bound,
            unflushed_bytes: 0,
            unflushed_limit,
            is_flush_asked: false,
            unmarked: true,
            noted: Index::ZERO,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }

    /// The same worker, with a bug.
    #[cfg(feature = "planted-bugs")]
    pub(super) fn with(self, planted: Option<super::Bug>) -> LogWorker {
        LogWorker { planted, ..self }
    }

    /// Whether a turn would do something.
    pub fn has_work(&self, inbox: &LogInbox) -> bool {
        match self.stage {
            Stage::Writing => !inbox.notes.is_empty() || !inbox.writes.is_empty(),
            Stage::Paused { .. } | Stage::Reset { .. } => !inbox.notes.is_empty(),
            Stage::Failed => false,
        }
    }

    /// Whether it is between two turns of an installation.
    pub fn is_installing(&self) -> bool {
        matches!(self.stage, Stage::Paused { .. } | Stage::Reset { .. })
    }

    /// Whether [`LogWorker::idle`] would tell the store anything.
    pub fn wants_idle(&self, inbox: &LogInbox) -> bool {
        let has_news = self.unmarked || inbox.committed > self.noted;
        has_news && self.stage == Stage::Writing && !self.has_work(inbox)
    }

    /// Writes what waits as one group, or does a step of an installation.
    ///
    /// # Errors
    ///
    /// If the store refuses; the worker does nothing more then.
    ///
    /// # Panics
    ///
    /// If writes or steps come out of order, or a purge would lose entries.
    pub fn turn<R>(&mut self, inbox: &mut LogInbox, out: &mut Output<R>) -> Result<(), Fatal> {
        if self.stage == Stage::Failed {
            return Ok(());
        }
        while let Some(note) = inbox.notes.pop_front() {
            match note {
                LogNote::PurgeBound(bound) => {
                    self.purge_bound.raise(bound);
                    self.unflushed_bytes = 0;
                    self.is_flush_asked = false;
                }
                LogNote::SnapshotPromoted(write) => return self.reset(write, out),
                LogNote::InstallFinished(write) => {
                    let expected = Stage::Reset { write };
                    assert_eq!(self.stage, expected, "an installation ends after its reset");
                    self.stage = Stage::Writing;
                    out.completions.push(Event::Persisted(write));
                    return Ok(());
                }
            }
        }
        if self.stage == Stage::Writing { self.write_waiting(inbox, out) } else { Ok(()) }
    }

    /// Tells the store that there is a pause. To be called when no write came for
    /// a moment; right after each write it would be a waste.
    ///
    /// # Errors
    ///
    /// As those of [`LogWorker::turn`].
    pub fn idle(&mut self, inbox: &LogInbox) -> Result<(), Fatal> {
        if self.stage != Stage::Writing {
            return Ok(());
        }
        self.note_committed(inbox)?;
        if !std::mem::take(&mut self.unmarked) {
            return Ok(());
        }
        self.store.idle().map_err(|error| self.fail(error))
    }

    /// How much disk the log takes, in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.store.size_bytes()
    }

    fn write_waiting<R>(&mut self, inbox: &mut LogInbox, out: &mut Output<R>) -> Result<(), Fatal> {
        let before = self.last;
        let mut group = Vec::new();
        let mut install = None;
        while let Some(Write { seq, op }) = inbox.writes.pop_front() {
            assert_eq!(seq.0, self.last.0 + 1, "writes come in order, none is left out");
            match op {
                WriteOp::Install { meta, .. } => {
                    install = Some((seq, meta));
                    break;
                }
                WriteOp::Ballot(ballot) if planted!(self, KeepsVoteInMemory) => {
                    group.push(LogWrite::Ballot(Ballot { vote: None, ..ballot }));
                }
                WriteOp::Ballot(ballot) => group.push(LogWrite::Ballot(ballot)),
                WriteOp::Append(entries) => {
                    self.unflushed_bytes += entries.iter().map(Entry::size).sum::<u64>();
                    group.push(LogWrite::Append(entries));
                }
                WriteOp::Purge(meta) => {
                    self.assert_purgeable(&meta);
                    group.push(LogWrite::Purge(meta));
                }
            }
            self.last = seq;
        }
        if self.last > before {
            self.write(&group)?;
            out.completions.push(Event::Persisted(self.last));
            self.note_committed(inbox)?;
        }
        if self.unflushed_bytes > self.unflushed_limit && !self.is_flush_asked {
            self.is_flush_asked = true;
            out.apply_notes.push(ApplyNote::Flush);
        }
        if let Some((write, meta)) = install {
            self.last = write;
            if planted!(self, ResetsLogFirst) {
                self.write(&[LogWrite::Reset(meta.clone())])?;
            }
            self.stage = Stage::Paused { write, meta };
            out.apply_notes.push(ApplyNote::LogPaused(write));
        }
        Ok(())
    }

    /// Step 4 of an installation: the log begins anew after the snapshot.
    fn reset<R>(&mut self, write: WriteSeq, out: &mut Output<R>) -> Result<(), Fatal> {
        let Stage::Paused { write: awaited, meta } = &self.stage else {
            panic!("the log is reset only while an installation waits for it");
        };
        assert_eq!(*awaited, write, "the log is reset for the installation that waits");
        if !planted!(self, ResetsLogFirst) {
            let group = [LogWrite::Reset(meta.clone())];
            self.write(&group)?;
        }
        self.stage = Stage::Reset { write };
        out.apply_notes.push(ApplyNote::LogReset(write));
        Ok(())
    }

    /// A start then knows what is committed before anybody leads.
    fn note_committed(&mut self, inbox: &LogInbox) -> Result<(), Fatal> {
        if inbox.committed <= self.noted {
            return Ok(());
        }
        self.noted = inbox.committed;
        self.store.note_committed(self.noted).map_err(|error| self.fail(error))
    }

    fn write(&mut self, group: &[LogWrite]) -> Result<(), Fatal> {
        self.unmarked = true;
        if planted!(self, LogBeforeBallot) {
            return self.write_ballots_last(group);
        }
        self.store.write(group).map_err(|error| self.fail(error))
    }

    /// The same group in another order, as two.
    fn write_ballots_last(&mut self, group: &[LogWrite]) -> Result<(), Fatal> {
        let is_ballot = |write: &LogWrite| matches!(write, LogWrite::Ballot(_));
        let (ballots, others): (Vec<_>, Vec<_>) = group.iter().cloned().partition(is_ballot);
        for part in [others, ballots].iter().filter(|part| !part.is_empty()) {
            self.store.write(part).map_err(|error| self.fail(error))?;
        }
        Ok(())
    }

    fn fail(&mut self, error: StorageError) -> Fatal {
        self.stage = Stage::Failed;
        Fatal::Log(error)
    }

    /// What is purged is durable in the state and complete in a snapshot. Else a
    /// crash would leave a state that the log cannot bring up to date.
    fn assert_purgeable(&self, meta: &SnapshotMeta) {
        let (index, bound) = (meta.position.index, self.purge_bound);
        assert!(
            index <= bound.index(),
            "a purge through {index} would lose entries: the state is durable up to {}, the newest \
             snapshot covers {}",
            bound.durable,
            bound.snapshot
        );
    }
}
