//! Writes a pinned state into a snapshot.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::database::Database;
use super::folder::{self, failed};
use super::options::Setup;
use super::pin::Pin;
use super::view::RocksView;
use crate::error::StorageError;
use crate::snapshot_store::SnapshotSink;
use crate::state_store::{Checkpoint, StateView};

/// Bytes handed to the sink at a time.
const PIECE: usize = 256 * 1024;

/// A [`Checkpoint`] of a database.
pub(super) struct RocksCheckpoint {
    pub(super) pin: Arc<Pin>,
    pub(super) names: Arc<Vec<String>>,
    pub(super) setup: Setup,
}

impl Checkpoint for RocksCheckpoint {
    fn write(
        self: Box<Self>,
        sink: &mut dyn SnapshotSink,
    ) -> Result<Arc<dyn StateView>, StorageError> {
        let captured = self.pin.take()?;
        let files = files_of(captured.path())?;
        let written = match sink.folder() {
            Some(target) => {
                for name in &files {
                    folder::relocate(&captured.path().join(name), &target.join(name))?;
                }
                folder::sync(&target)?;
                target
            }
            None => {
                for name in &files {
                    stream(&captured.path().join(name), name, sink)?;
                }
                captured.path().to_owned()
            }
        };
        // All files are open from here on: the folder may get another name or go.
        let database = Database::open_read_only(written, &self.names, &self.setup)?;
        Ok(Arc::new(RocksView::of(Arc::new(database))))
    }
}

/// The files that make a captured state. RocksDB's own log is not one of them:
/// nothing was ever written to it.
fn files_of(captured: &Path) -> Result<Vec<String>, StorageError> {
    let mut names = folder::list(captured)?;
    names.retain(|name| !name.ends_with(".log"));
    Ok(names)
}

fn stream(path: &Path, name: &str, sink: &mut dyn SnapshotSink) -> Result<(), StorageError> {
    sink.begin_file(name)?;
    let mut file = File::open(path).map_err(|error| failed("open", path, error))?;
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).map_err(|error| failed("read", path, error))? {
            0 => return Ok(()),
            length => sink.write(&piece[..length])?,
        }
    }
}
