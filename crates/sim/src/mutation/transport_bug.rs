//! Bugs that are planted in the simulated transport, where it stands for what the real
//! one does around a handshake.

/// A failure of what stands between two processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransportBug {
    /// Nobody keeps on record which data folder a member has: a handshake cannot tell a
    /// wiped disk, and a node that finds its folder empty is remembered by nobody
    /// (etcd's rule to remove and add).
    KeepsNoRecords,
}

impl TransportBug {
    /// All of them, in the order of the table of known failures.
    pub const ALL: &[TransportBug] = &[TransportBug::KeepsNoRecords];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            TransportBug::KeepsNoRecords => "keeps-no-records",
        }
    }

    /// Its row in the table of known failures.
    pub fn row(self) -> u8 {
        match self {
            TransportBug::KeepsNoRecords => 40,
        }
    }
}
