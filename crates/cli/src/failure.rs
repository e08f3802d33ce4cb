//! How a command fails: an exit code, one message, and what to do about it.
//!
//! The codes are etcdctl's, so that scripts written for it keep working.

use std::fmt::Display;

use etcd_client::Error;
use tonic::{Code, Status};

/// The meaning of each exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The server or the network refused, or a flag is malformed.
    Error = 1,
    /// No connection can be made as it was asked for.
    BadConnection = 2,
    /// The script of a transaction is malformed.
    InvalidInput = 3,
    /// A flag's value is known, but not possible here.
    BadFeature = 4,
    /// Arguments are missing, too many, or contradict each other.
    BadArguments = 128,
}

/// Why a command ends without success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What is printed after `Error: `; nothing is printed if there is none, because
    /// the command has already said what went wrong.
    pub message: Option<String>,
    /// What to do about it, on a line of its own.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure with a message.
    pub fn new(exit: Exit, message: impl Display) -> Failure {
        Failure { exit, message: Some(message.to_string()), hint: None }
    }

    /// A failure that has been reported line by line already.
    pub fn reported() -> Failure {
        Failure { exit: Exit::Error, message: None, hint: None }
    }

    /// The same failure, with advice.
    pub fn with_hint(self, hint: impl Display) -> Failure {
        Failure { hint: Some(hint.to_string()), ..self }
    }

    /// The time for the command is over.
    pub fn deadline() -> Failure {
        Failure::new(Exit::Error, "context deadline exceeded")
    }

    /// The request is longer than this client may send; both sizes in bytes.
    pub fn too_long(size: usize, limit: usize) -> Failure {
        let message = format!("trying to send message larger than max ({size} vs. {limit})");
        Failure::new(Exit::Error, format!("rpc error: code = ResourceExhausted desc = {message}"))
            .with_hint("--max-request-bytes raises the limit of this client")
    }

    /// The words, for a line that reports the failure of one endpoint among several.
    pub fn words(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::GRpcStatus(status) => Failure::from(status),
            other => Failure::new(Exit::Error, other),
        }
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        // The server's own errors are told as they are; any other keeps its code.
        if status.message().starts_with("etcdserver: ") {
            return Failure::new(Exit::Error, status.message());
        }
        match status.code() {
            Code::DeadlineExceeded | Code::Cancelled => Failure::deadline(),
            code => Failure::new(
                Exit::Error,
                format!("rpc error: code = {code:?} desc = {}", status.message()),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_errors_are_told_as_they_are() {
        let failure =
            Failure::from(Status::new(Code::NotFound, "etcdserver: requested lease not found"));
        assert_eq!(failure.words(), "etcdserver: requested lease not found");
        assert_eq!(failure.exit, Exit::Error);
    }

    #[test]
    fn other_errors_keep_their_code() {
        let failure = Failure::from(Status::new(Code::Unimplemented, "unknown service"));
        assert_eq!(failure.words(), "rpc error: code = Unimplemented desc = unknown service");
    }
}
