//! What can go wrong with a process.

use std::io;
use std::time::Duration;

use thiserror::Error;

/// Why a process did not do what was asked of it.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// The program could not be started.
    #[error("{program} could not be started: {source}; is the path right, and was it built?")]
    NotStarted {
        /// The program's path.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// A folder or a log file could not be prepared.
    #[error("{path} could not be prepared: {source}")]
    NoFolder {
        /// The path.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The process was asked for something that only a running one can do.
    #[error("{name} does not run: start it first")]
    NotRunning {
        /// The process's name.
        name: String,
    },
    /// A signal could not be sent, or the end of the process not be awaited.
    #[error("{name} (process {pid}) could not be signalled: {source}")]
    NoSignal {
        /// The process's name.
        name: String,
        /// Its id.
        pid: u32,
        /// What the system said.
        source: io::Error,
    },
    /// The process ended by itself.
    #[error("{name} ended by itself ({status}); its log ends with:\n{log}")]
    Ended {
        /// The process's name.
        name: String,
        /// How it ended.
        status: String,
        /// The last lines that it printed.
        log: String,
    },
    /// Something did not come about in time.
    #[error("{what} did not come about within {limit:?}: {last}\n{log}")]
    TooLate {
        /// What was waited for.
        what: String,
        /// For how long.
        limit: Duration,
        /// What the last try said.
        last: String,
        /// The last lines that the processes printed.
        log: String,
    },
    /// The CPU time could not be read.
    #[error("the CPU time in {path} could not be read: {reason}; does the process still run?")]
    NoCpuTime {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}
