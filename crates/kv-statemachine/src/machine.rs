//! The state machine: entries of the log in, replies out.

use std::sync::Arc;

use raft_core::{Entry, EntryKind, Index, NodeId, SnapshotMeta};
use raft_storage::{
    Checkpoint, SnapshotJob, SnapshotSink, SnapshotSource, StateMachine, StateStore, StorageError,
    advance,
};

use crate::alarm::{Alarm, AlarmAction, AlarmRequest, AlarmSource};
use crate::check::{check_delete_range, check_put, check_txn};
use crate::codec;
use crate::command::{Command, MemberAttributes, Operation, Reply, Response};
use crate::counts::Counts;
use crate::error::{Failed, KvError};
use crate::meta::{self, Applied};
use crate::mvcc::compaction;
use crate::mvcc::overlay::Overlay;
use crate::mvcc::recent::Recent;
use crate::mvcc::writer::Writer;
use crate::response::CompactResponse;
use crate::txn;
use crate::view::{KvReader, KvView};

/// How many changes a batch looks at for a compaction under way, unless set.
const REMOVAL_PACE: u32 = 256;
/// How many times as many are looked at when there is nothing else to do.
const IDLE_FACTOR: usize = 16;

/// The replicated key-value store on a [`StateStore`].
///
/// A batch of entries is one commit, with the position that it reaches; other
/// threads see it through [`KvReader`]s once it is committed.
pub struct KvStateMachine {
    store: Arc<dyn StateStore>,
    /// What the state includes: the position and the membership as of it.
    applied: SnapshotMeta,
    /// The state after the last commit.
    current: KvView,
    reader: KvReader,
    /// Rows of the current state that the next commands may ask for.
    recent: Recent,
    removal_pace: usize,
    #[cfg(feature = "planted-bugs")]
    planted: Option<crate::Bug>,
}

impl KvStateMachine {
    /// The names of the spaces that the store has to be opened with, in this order.
    pub const SPACES: [&'static str; 4] = ["meta", "latest", "history", "changes"];

    /// Opens the state in a store. A new store starts as the bootstrap snapshot.
    ///
    /// Reads all keys once, to count them.
    ///
    /// # Errors
    ///
    /// If the disk refuses, or the state was written by a newer version.
    pub fn open(
        store: Arc<dyn StateStore>,
        bootstrap: SnapshotMeta,
    ) -> Result<KvStateMachine, StorageError> {
        let view = store.view();
        if Applied::read(view.as_ref())?.is_none() {
            let mut overlay = Overlay::new(view, Recent::default());
            meta::initialize(&mut overlay, &bootstrap);
            store.commit(overlay.finish().0)?;
        }
        let (applied, current) = load(store.as_ref())?;
        let reader = KvReader::new(current.clone());
        let removal_pace = REMOVAL_PACE as usize;
        let recent = Recent::default();
        Ok(KvStateMachine {
            store,
            applied,
            current,
            reader,
            recent,
            removal_pace,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        })
    }

    /// Commits a bug from now on.
    #[cfg(feature = "planted-bugs")]
    pub fn plant(&mut self, bug: Option<crate::Bug>) {
        self.planted = bug;
    }

    /// Sets how many changes each batch of entries looks at, at least 1, to remove
    /// what a compaction gave up; 256 unless set. It is always two for each entry
    /// of the batch at least, so that a compaction gains on the writes. Replicas
    /// may differ in it.
    pub fn set_removal_pace(&mut self, changes: u32) {
        self.removal_pace = changes.max(1) as usize;
    }

    /// A reader for other threads.
    pub fn reader(&self) -> KvReader {
        self.reader.clone()
    }

    /// A writer over the current state. It takes with it what is recent, and a commit
    /// brings it back.
    fn writer(&mut self) -> Writer {
        let recent = std::mem::take(&mut self.recent);
        let current = &self.current;
        Writer::new(Overlay::new(current.view.clone(), recent), current)
    }

    /// Commits what the writer did as one batch, and shows it to the readers.
    fn commit(
        &mut self,
        mut writer: Writer,
        mut applied: Applied,
        removals: usize,
    ) -> Result<(), StorageError> {
        applied.position = self.applied.position;
        applied.revision = writer.revision;
        applied.compact_revision = writer.compact_revision;
        compaction::remove_some(&mut writer, &mut applied.progress, removals)?;
        applied.write(&mut writer.overlay);
        let (batch, recent) = writer.overlay.finish();
        self.store.commit(batch)?;
        self.recent = recent;
        let (counts, alarms) = (writer.counts, writer.alarms);
        self.current = KvView { view: self.store.view(), counts, applied, alarms };
        self.reader.publish(self.current.clone());
        Ok(())
    }

    /// Applies one command. What it did is in the writer.
    fn execute(
        &self,
        writer: &mut Writer,
        applied: &mut Applied,
        command: Command,
    ) -> Result<Reply, StorageError> {
        let request_id = command.request_id;
        let outcome = match self.perform(writer, applied, command.operation) {
            Ok(response) => Ok(response),
            Err(Failed::Request(error)) => Err(error),
            Err(Failed::Storage(error)) => return Err(error),
        };
        writer.finish();
        Ok(Reply { request_id, outcome })
    }

    fn perform(
        &self,
        writer: &mut Writer,
        applied: &mut Applied,
        operation: Operation,
    ) -> Result<Response, Failed> {
        // Whoever proposed has checked already; but what the state needs for
        // being sound does not hang on that.
        writer.alarms.permit(&operation)?;
        match operation {
            Operation::Put(request) => {
                check_put(&request)?;
                Ok(Response::Put(txn::put(writer, &request)?))
            }
            Operation::DeleteRange(request) => {
                check_delete_range(&request)?;
                Ok(Response::DeleteRange(txn::delete_range(writer, &request)?))
            }
            Operation::Txn(request) => {
                check_txn(&request, u64::MAX)?;
                Ok(Response::Txn(txn::txn(writer, &request)?))
            }
            Operation::Compact(request) => {
                compaction::schedule(writer, &mut applied.progress, request.revision)?;
                Ok(Response::Compact(CompactResponse { revision: writer.revision }))
            }
            Operation::SetMemberAttributes { member, attributes } => {
                self.set_member(writer, member, &attributes)?;
                Ok(Response::MemberAttributes)
            }
            Operation::Alarm(request) => {
                let AlarmRequest { action, alarm, source } = request;
                // It was on its way when the member was removed: nobody would lift it.
                if action == AlarmAction::Raise
                    && source == AlarmSource::Member
                    && self.applied.membership.removed.contains(&alarm.member)
                {
                    return Err(KvError::MemberNotFound.into());
                }
                let (alarm, changed) = writer.alarms.change(request);
                if changed {
                    let source = writer.alarms.source(request.alarm);
                    meta::write_alarm(&mut writer.overlay, request.alarm, source);
                }
                Ok(Response::Alarm(alarm))
            }
        }
    }

    /// Forgets what those who are no members have raised: they cannot lift it.
    fn forget_alarms(&self, writer: &mut Writer) {
        let members = &self.applied.membership.members;
        let gone = |(alarm, _): &(Alarm, _)| !members.contains_key(&alarm.member);
        for (alarm, source) in writer.alarms.clone().iter().filter(gone) {
            let action = AlarmAction::Lift;
            if source == AlarmSource::Member {
                writer.alarms.change(AlarmRequest { action, alarm, source });
                meta::write_alarm(&mut writer.overlay, alarm, None);
            }
        }
    }

    fn set_member(
        &self,
        writer: &mut Writer,
        member: NodeId,
        attributes: &MemberAttributes,
    ) -> Result<(), KvError> {
        // A replica that began with nothing knows no members before the log's first
        // membership. Whoever told something up to there founded the cluster, and a
        // founder's row must be here too when the states are compared.
        let known = &self.applied.membership.members;
        if !known.is_empty() && !known.contains_key(&member) {
            return Err(KvError::MemberNotFound);
        }
        meta::write_member(&mut writer.overlay, member, attributes);
        Ok(())
    }
}

impl StateMachine for KvStateMachine {
    type Reply = Reply;

    fn applied(&self) -> SnapshotMeta {
        self.applied.clone()
    }

    fn durable(&self) -> Result<Index, StorageError> {
        let applied = Applied::read_durable(self.store.as_ref())?;
        Ok(applied.map_or(Index::ZERO, |applied| applied.position.index))
    }

    fn apply(
        &mut self,
        entries: &[Entry],
        replies: &mut Vec<Option<Reply>>,
    ) -> Result<(), StorageError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut writer = self.writer();
        let mut applied = self.current.applied;
        for entry in entries {
            advance(&mut self.applied, entry);
            let reply = match entry.kind {
                EntryKind::COMMAND => match codec::decode(entry)? {
                    Ok(command) => {
                        #[cfg(feature = "planted-bugs")]
                        let command = match self.planted {
                            Some(bug) => bug.misread(command, entries.len()),
                            None => command,
                        };
                        Some(self.execute(&mut writer, &mut applied, command)?)
                    }
                    Err(error) => Some(Reply { request_id: None, outcome: Err(error) }),
                },
                EntryKind::MEMBERSHIP => {
                    meta::change_membership(&mut writer.overlay, &self.applied.membership)?;
                    self.forget_alarms(&mut writer);
                    None
                }
                EntryKind::NOOP => None,
                _ => return Err(codec::unknown(entry, "entries of this kind are")),
            };
            replies.push(reply);
        }
        self.commit(writer, applied, self.removal_pace.max(2 * entries.len()))
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        self.store.flush()
    }

    /// Goes on with removing what the last compaction gave up.
    fn idle(&mut self) -> Result<bool, StorageError> {
        if self.current.is_compaction_finished() {
            return Ok(false);
        }
        let writer = self.writer();
        self.commit(writer, self.current.applied, self.removal_pace * IDLE_FACTOR)?;
        Ok(!self.current.is_compaction_finished())
    }

    fn prepare_snapshot(&mut self) -> Result<Box<dyn SnapshotJob>, StorageError> {
        Ok(Box::new(KvSnapshotJob(self.store.checkpoint()?)))
    }

    fn install(&mut self, snapshot: &mut dyn SnapshotSource) -> Result<(), StorageError> {
        self.recent = Recent::default();
        self.store.install(snapshot)?;
        (self.applied, self.current) = load(self.store.as_ref())?;
        self.reader.publish(self.current.clone());
        Ok(())
    }

    fn install_unfinished(&self) -> bool {
        self.store.install_unfinished()
    }

    fn finish_install(&mut self) -> Result<(), StorageError> {
        self.store.finish_install()
    }
}

/// Writes a checkpoint of the store out.
struct KvSnapshotJob(Box<dyn Checkpoint>);

impl SnapshotJob for KvSnapshotJob {
    fn run(self: Box<Self>, sink: &mut dyn SnapshotSink) -> Result<SnapshotMeta, StorageError> {
        let written = self.0.write(sink)?;
        let (covered, _) = meta::read_applied(written.as_ref())?;
        Ok(covered)
    }
}

/// Reads what a store holds.
fn load(store: &dyn StateStore) -> Result<(SnapshotMeta, KvView), StorageError> {
    let view = store.view();
    meta::check_format(view.as_ref())?;
    let (snapshot_meta, applied) = meta::read_applied(view.as_ref())?;
    let counts = Counts::build(view.as_ref())?;
    let alarms = meta::alarms(view.as_ref())?;
    Ok((snapshot_meta, KvView { view, counts, applied, alarms }))
}
