//! Two programs under the same load, one after the other.
//!
//! Each turn starts a fresh cluster of one program, fills its key space, and
//! takes the loads of `phases` in order. The turns of a round go A B B A, so
//! that a machine that grows slower with time (a fuller disk, a hotter
//! processor, another guest) wrongs neither. All turns of a program are added up,
//! and the sums are set side by side with what they must reach.

mod phases;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use thiserror::Error;

use crate::load::{self, LoadError, Measure, Plan};
use crate::process::{Cluster, Options, ProcessError};

use phases::Phase;
pub use table::Table;

/// How long a cluster may take until it serves, and each node until it stopped.
const START_OR_STOP: Duration = Duration::from_secs(60);

/// The type that `statfs(2)` tells for a file system in memory.
const TMPFS: i64 = 0x0102_1994;

/// A program that is compared.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What the table calls it.
    pub name: &'static str,
    /// Its path.
    pub program: PathBuf,
}

/// What is compared, and how.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The program that must be better.
    pub balsa: Subject,
    /// The program that it must be better than.
    pub etcd: Subject,
    /// How many nodes each cluster has.
    pub nodes: usize,
    /// How many times the four turns are taken.
    pub rounds: u8,
    /// How long each load lasts.
    pub duration: Duration,
    /// Where the data folders are made; they are removed again.
    pub folder: PathBuf,
}

/// Why a comparison could not be made.
#[derive(Debug, Error)]
pub enum CompareError {
    /// A program cannot be asked for its version.
    #[error("{program} --version failed: {reason}; is it the node program?")]
    NoVersion {
        /// The program's path.
        program: String,
        /// What went wrong.
        reason: String,
    },
    /// The data would not be on a disk.
    #[error(
        "{0} lies in memory, where a sync costs nothing: name a folder on a disk by --data-dir"
    )]
    InMemory(String),
    /// A data folder cannot be made.
    #[error("no folder can be made in {folder}: {reason}; name another by --data-dir")]
    NoFolder {
        /// Where.
        folder: String,
        /// What the system said.
        reason: String,
    },
    /// A node did not do what was asked of it.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A load could not be run.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Makes the comparison; `progress` is told of each turn.
///
/// # Errors
///
/// [`CompareError`]. Calls that fail are no error: the table shows them, and
/// counts them as a bound that is not met.
pub async fn run(
    comparison: &Comparison,
    mut progress: impl FnMut(&str),
) -> Result<Table, CompareError> {
    refuse_memory(&comparison.folder)?;
    let Comparison { balsa, etcd, rounds, .. } = comparison;
    let mut table = Table::new([
        format!("{} {}", balsa.name, version(balsa)?),
        format!("{} {}", etcd.name, version(etcd)?),
    ]);
    let turns = usize::from(*rounds) * 4;
    let order = [(0, balsa), (1, etcd), (1, etcd), (0, balsa)];
    for (turn, (column, subject)) in order.into_iter().cycle().take(turns).enumerate() {
        progress(&format!("turn {} of {turns}: {}", turn + 1, subject.name));
        for (phase, measure) in one_turn(comparison, subject).await? {
            let (calls, errors) = (measure.throughput(), measure.errors);
            progress(&format!("  {}: {calls:.0} calls/s, {errors} errors", phase.name));
            table.add(phase, column, &measure);
        }
    }
    Ok(table)
}

/// A fresh cluster under all loads.
async fn one_turn(
    comparison: &Comparison,
    subject: &Subject,
) -> Result<Vec<(&'static Phase, Measure)>, CompareError> {
    let folder = TempDir::with_prefix_in("kvbench-", &comparison.folder).map_err(|error| {
        let folder = comparison.folder.display().to_string();
        CompareError::NoFolder { folder, reason: error.to_string() }
    })?;
    let mut cluster = Cluster::new(&Options {
        program: subject.program.clone(),
        nodes: comparison.nodes,
        folder: folder.path().to_owned(),
        args: vec![],
        env: vec![],
    });
    cluster.start()?;
    cluster.ready(START_OR_STOP).await?;
    let pids = cluster.pids();
    load::run(&phases::fill(cluster.endpoints())).await?;
    let mut measures = Vec::new();
    for phase in phases::PHASES {
        let endpoints = match phase.on_leader {
            true => vec![cluster.endpoints().swap_remove(cluster.leader(START_OR_STOP).await?)],
            false => cluster.endpoints(),
        };
        let plan = Plan { pids: pids.clone(), ..phase.plan(endpoints, comparison.duration) };
        measures.push((phase, load::run(&plan).await?));
    }
    for node in 0..cluster.size() {
        cluster.process(node).stop(START_OR_STOP)?;
    }
    Ok(measures)
}

/// What a program calls its version: the last word of the line of `--version`
/// that begins with its name, for one that speaks of another's version too.
fn version(subject: &Subject) -> Result<String, CompareError> {
    let failed = |reason: String| CompareError::NoVersion {
        program: subject.program.display().to_string(),
        reason,
    };
    let output = Command::new(&subject.program).arg("--version").output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.starts_with(subject.name));
    let word = line.and_then(|line| line.split_whitespace().last());
    word.map(str::to_owned).ok_or_else(|| failed(format!("no line begins with {}", subject.name)))
}

fn refuse_memory(folder: &Path) -> Result<(), CompareError> {
    let name = || folder.display().to_string();
    let no_folder = |reason: String| CompareError::NoFolder { folder: name(), reason };
    fs::create_dir_all(folder).map_err(|error| no_folder(error.to_string()))?;
    let facts = rustix::fs::statfs(folder).map_err(|errno| no_folder(errno.to_string()))?;
    if facts.f_type == TMPFS { Err(CompareError::InMemory(name())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_tells_no_version_is_named() {
        let error = |program: &str| {
            let subject = Subject { name: "Balsa", program: program.into() };
            version(&subject).expect_err("tells no version").to_string()
        };
        assert!(error("/nowhere/balsa").starts_with("/nowhere/balsa --version failed"));
        assert!(error("/bin/false").contains("exit status: 1"));
        assert!(error("/bin/echo").contains("no line begins with Balsa"));
    }

    #[test]
    fn a_disk_in_memory_is_refused() {
        let error = refuse_memory(Path::new("/dev/shm")).expect_err("is a tmpfs");
        assert!(error.to_string().contains("--data-dir"), "{error}");
        let folder = tempfile::tempdir_in(".").expect("a folder");
        refuse_memory(folder.path()).expect("the sources lie on a disk");
    }
}
