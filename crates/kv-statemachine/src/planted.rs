//! Bugs that are planted on purpose, to show that the tests of whole clusters find
//! them. Not compiled into anything that is delivered: all of this module exists
//! with the feature `planted-bugs` only.

use crate::command::{Command, Operation};
use crate::request::TxnRequest;

/// A failure of a replicated store that a real system had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// Whether a put has expired is judged where it is applied, by how long that took
    /// there.
    ExpiresByOwnClock,
}

impl Bug {
    /// All of them, in the order of the table of known failures.
    pub const ALL: &[Bug] = &[Bug::ExpiresByOwnClock];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Bug::ExpiresByOwnClock => "expires-by-own-clock",
        }
    }

    /// Its row in the table of known failures.
    pub fn row(self) -> u8 {
        match self {
            Bug::ExpiresByOwnClock => 35,
        }
    }

    /// What is applied in place of a command, by a replica that took so many entries
    /// at once. More than one at once means that it was late for them, as a clock of
    /// its own would tell; others were not.
    pub(crate) fn misread(self, command: Command, batch: usize) -> Command {
        let Bug::ExpiresByOwnClock = self;
        match command.operation {
            Operation::Put(_) if batch > 1 => {
                Command { operation: Operation::Txn(TxnRequest::default()), ..command }
            }
            _ => command,
        }
    }
}
