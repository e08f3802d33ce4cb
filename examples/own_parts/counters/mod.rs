//! A state machine: counters with names, kept in memory and now and then in a file.
//!
//! ```text
//!   apply ──▶ State in memory ──flush──▶ file, replaced as a whole
//!                   │   ▲                  ▲
//!      a copy of it ▼   │ install ─────────┤
//!              snapshot job ───────────────┘
//! ```
//!
//! An apply touches memory alone: the log is durable, and after a crash the entries
//! behind the file's position are applied again. Position and counters are one file,
//! so that they change together. The file moves forward only: the snapshot job, which
//! runs beside later applies, never puts an older state over a newer one.

pub mod command;
mod state;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::{BufMut, Bytes, BytesMut};
use raft_core::{Entry, EntryKind, Index, SnapshotMeta};
use raft_storage::files::Files;
use raft_storage::{
    SnapshotJob, SnapshotSink, SnapshotSource, StateMachine, StorageError, advance,
};

use crate::replaced_file::ReplacedFile;
use command::{FORMAT, Reply};
use state::State;

const FILE: &str = "counters";
/// The only file of a snapshot.
const SNAPSHOT_FILE: &str = "counters";
/// Bytes of a snapshot that are asked for at a time.
const PIECE: usize = 64 * 1024;

/// Replicated counters.
pub struct Counters {
    state: Arc<RwLock<State>>,
    file: Arc<Mutex<ReplacedFile>>,
}

/// Looks at the counters of this node; clones look at the same.
#[derive(Clone)]
pub struct CountersReader(Arc<RwLock<State>>);

impl Counters {
    /// Opens the counters in a folder; a new one begins at `bootstrap`. The folder's
    /// lock is the log store's affair.
    ///
    /// # Errors
    ///
    /// If the file is damaged or the disk refuses.
    pub fn open(files: Arc<dyn Files>, bootstrap: SnapshotMeta) -> Result<Counters, StorageError> {
        let file = ReplacedFile::open(files, FILE)?;
        let state = read(&file)?.unwrap_or_else(|| State::new(bootstrap));
        Ok(Counters { state: Arc::new(RwLock::new(state)), file: Arc::new(Mutex::new(file)) })
    }

    /// Looks at the counters while the machine is busy elsewhere.
    pub fn reader(&self) -> CountersReader {
        CountersReader(Arc::clone(&self.state))
    }

    fn with_state<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change_state<T>(&mut self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl CountersReader {
    /// The value of a counter. It shows all that was acknowledged anywhere if it is
    /// asked for after [`read_index`](balsa::replica::ReplicaHandle::read_index).
    pub fn get(&self, name: &str) -> u64 {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.counters.get(name).copied().unwrap_or(0)
    }
}

impl StateMachine for Counters {
    type Reply = Reply;

    fn applied(&self) -> SnapshotMeta {
        self.with_state(|state| state.applied.clone())
    }

    fn durable(&self) -> Result<Index, StorageError> {
        let found = read(&lock(&self.file))?;
        Ok(found.map_or(Index::ZERO, |state| state.applied.position.index))
    }

    fn apply(
        &mut self,
        entries: &[Entry],
        replies: &mut Vec<Option<Reply>>,
    ) -> Result<(), StorageError> {
        if let Some(entry) = entries.iter().find(|entry| is_foreign(entry)) {
            let what = format!("{entry} has format {}: upgrade this node", entry.format);
            return Err(StorageError::io("apply to", FILE, io::Error::other(what)));
        }
        // Readers see the state after all of the batch.
        self.change_state(|state| {
            for entry in entries {
                advance(&mut state.applied, entry);
                let is_command = entry.kind == EntryKind::COMMAND;
                replies.push(is_command.then(|| state.execute(entry.payload.clone())));
            }
        });
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        let bytes = self.with_state(State::encode);
        lock(&self.file).replace(bytes)
    }

    fn prepare_snapshot(&mut self) -> Result<Box<dyn SnapshotJob>, StorageError> {
        let state = self.with_state(State::clone);
        Ok(Box::new(CountersSnapshot { state, file: Arc::clone(&self.file) }))
    }

    fn install(&mut self, snapshot: &mut dyn SnapshotSource) -> Result<(), StorageError> {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = snapshot.next_chunk(PIECE)? {
            if chunk.file != SNAPSHOT_FILE {
                return Err(foreign(&format!("it has a file {:?}", chunk.file)));
            }
            bytes.put_slice(&chunk.bytes);
        }
        let mut state =
            State::decode(bytes.freeze()).map_err(|error| foreign(&error.to_string()))?;
        state.install_unfinished = true;
        // On the disk first: it must not be seen before it is sure.
        lock(&self.file).replace(state.encode())?;
        self.change_state(|current| *current = state);
        Ok(())
    }

    fn install_unfinished(&self) -> bool {
        self.with_state(|state| state.install_unfinished)
    }

    fn finish_install(&mut self) -> Result<(), StorageError> {
        self.change_state(|state| state.install_unfinished = false);
        self.flush()
    }
}

/// A copy of the counters, to be written down beside later applies.
struct CountersSnapshot {
    state: State,
    file: Arc<Mutex<ReplacedFile>>,
}

impl SnapshotJob for CountersSnapshot {
    fn run(self: Box<Self>, sink: &mut dyn SnapshotSink) -> Result<SnapshotMeta, StorageError> {
        let bytes = self.state.encode();
        sink.begin_file(SNAPSHOT_FILE)?;
        sink.write(&bytes)?;
        // The log may be purged up to the snapshot, so the own state must be that far.
        let covered = self.state.applied.position.index;
        let mut file = lock(&self.file);
        if read(&file)?.is_none_or(|durable| durable.applied.position.index < covered) {
            file.replace(bytes)?;
        }
        Ok(self.state.applied)
    }
}

fn read(file: &ReplacedFile) -> Result<Option<State>, StorageError> {
    let decode = |bytes: Bytes| State::decode(bytes);
    file.read()?.map(decode).transpose().map_err(|error| file.corrupt(&error.to_string()))
}

/// Whether it is a command of a later version of this program. To skip it would be
/// to differ from those that understand it.
fn is_foreign(entry: &Entry) -> bool {
    entry.kind == EntryKind::COMMAND && entry.format != FORMAT
}

fn foreign(what: &str) -> StorageError {
    let source = io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    StorageError::io("install a snapshot into", FILE, source)
}

fn lock(file: &Mutex<ReplacedFile>) -> MutexGuard<'_, ReplacedFile> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}
