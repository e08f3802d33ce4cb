//! Bugs that are planted on purpose, to show that the tests of whole clusters find
//! them. Not compiled into anything that is delivered: all of this module exists
//! with the feature `planted-bugs` only.

/// A failure of storage that a real system had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// What is written to the log is reported as durable and not synced
    /// (etcd#14143).
    SkipsSync,
    /// The state reaches the disk by parts, one at a time: the applied index may
    /// be there and the data not (measured on RocksDB without `atomic_flush`).
    FlushesByParts,
}

impl Bug {
    /// All of them, in the order of the table of known failures.
    pub const ALL: &[Bug] = &[Bug::SkipsSync, Bug::FlushesByParts];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Bug::SkipsSync => "skips-sync",
            Bug::FlushesByParts => "flushes-by-parts",
        }
    }

    /// Its row in the table of known failures.
    pub fn row(self) -> u8 {
        match self {
            Bug::SkipsSync => 23,
            Bug::FlushesByParts => 41,
        }
    }
}
