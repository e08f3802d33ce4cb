//! The folder of a cluster on this machine.
//!
//! ```text
//!   balsa-dev/
//!     lock        held while a cluster runs here; the id of its process
//!     cluster     the flags that the cluster was founded with
//!     n1/ n2/ …   the nodes' folders
//!     n1.log …    their logs
//! ```
//!
//! Nodes go by the addresses that they were founded with. Started with others they
//! would wait for each other in vain, so that is refused before anything starts.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{DevError, system};
use crate::flags::DevSettings;

const LOCK: &str = "lock";
const CLUSTER: &str = "cluster";

/// The folder of a cluster, while this process has it.
pub struct Folder {
    /// Whether a cluster has run here before.
    pub is_used: bool,
    /// Held as long as it is open; no child inherits it.
    _lock: File,
}

impl Folder {
    /// Takes the folder, or makes it.
    ///
    /// # Errors
    ///
    /// A cluster runs there, or another one is kept there; the system's errors.
    pub fn take(settings: &DevSettings) -> Result<Folder, DevError> {
        let path = &settings.data_dir;
        let made = fs::create_dir_all(path);
        made.map_err(system(format!("cannot make the folder {}", path.display())))?;
        let lock = lock(path)?;
        let record = path.join(CLUSTER);
        let is_used = record.exists();
        if is_used {
            let text = fs::read_to_string(&record);
            let text = text.map_err(system(format!("cannot read {}", record.display())))?;
            compare(settings, text.trim())?;
        } else if path.join(super::name(0)).exists() {
            return Err(DevError::Foreign { folder: shown(path) });
        } else {
            let unwritten = || system(format!("cannot write {}", record.display()));
            // Whole or not at all.
            let draft = path.join(format!("{CLUSTER}.new"));
            fs::write(&draft, settings.line() + "\n").map_err(unwritten())?;
            fs::rename(&draft, &record).map_err(unwritten())?;
        }
        Ok(Folder { is_used, _lock: lock })
    }
}

fn lock(folder: &Path) -> Result<File, DevError> {
    let path = folder.join(LOCK);
    let failed = || system(format!("cannot lock {}", path.display()));
    let opened = File::options().create(true).truncate(false).read(true).write(true).open(&path);
    let mut file = opened.map_err(failed())?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let process = fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
            return Err(DevError::Busy { folder: shown(folder), process });
        }
        Err(TryLockError::Error(error)) => return Err(failed()(error)),
    }
    file.set_len(0).map_err(failed())?;
    writeln!(file, "{}", std::process::id()).map_err(failed())?;
    Ok(file)
}

/// Refuses other addresses than the cluster has.
fn compare(settings: &DevSettings, found: &str) -> Result<(), DevError> {
    if found == settings.line() {
        return Ok(());
    }
    let folder = shown(&settings.data_dir);
    Err(DevError::Other { found: found.to_owned(), asked: settings.line(), folder })
}

/// A path that means the same from everywhere.
fn shown(path: &Path) -> String {
    path.canonicalize().unwrap_or_else(|_| PathBuf::from(path)).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(folder: &Path, line: &str) -> DevSettings {
        let words = line.split_whitespace().map(str::to_owned);
        let words = words.chain(["--data-dir".to_owned(), folder.display().to_string()]);
        DevSettings::read(words).expect("it can be followed").expect("not help")
    }

    #[test]
    fn a_folder_is_one_clusters_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let ours = settings(folder.path(), "--nodes 3");
        let taken = Folder::take(&ours).expect("it is free");
        assert!(!taken.is_used);
        let Err(DevError::Busy { process, .. }) = Folder::take(&ours) else {
            panic!("it is taken");
        };
        assert_eq!(process, std::process::id().to_string());
        drop(taken);
        assert!(Folder::take(&ours).expect("it is free again").is_used);
    }

    #[test]
    fn other_addresses_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(Folder::take(&settings(folder.path(), "--nodes 3")).expect("it is free"));
        for line in ["--nodes 1", "--base-port 3379", "--host 127.0.0.2"] {
            let refused = Folder::take(&settings(folder.path(), line)).err();
            let refused = refused.expect("it is another cluster").to_string();
            let command = "balsa dev --nodes 3 --host 127.0.0.1 --base-port 2379 --data-dir ";
            assert!(refused.contains(command), "{refused}");
        }
    }

    #[test]
    fn nodes_of_unknown_addresses_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("n1")).expect("a folder");
        let refused = Folder::take(&settings(folder.path(), "")).err();
        assert!(matches!(refused, Some(DevError::Foreign { .. })));
    }
}
