//! How a command fails: an exit code, one message, and what to do about it.
//!
//! The codes are etcdctl's, so that scripts written for it keep working.

use std::fmt::Display;

use etcd_client::Error;
use tonic::{Code, Status};

use crate::connection::Fault;

/// What a server says that has not even begun with a request.
const NO_LEADER: &str = "etcdserver: no leader";

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

/// Which requests may be sent again, to another server, after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// None: the answer would be the same.
    Never,
    /// Those that change nothing: this one may have been done.
    OfReads,
    /// All: this one was certainly not done.
    OfAll,
}

/// Why a command ends without success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// Whether another server may be asked.
    pub repeat: Repeat,
    /// What is printed after `Error: `; nothing is printed if there is none, because
    /// the command has already said what went wrong.
    pub message: Option<String>,
    /// What to do about it, on a line of its own.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure with a message.
    pub fn new(exit: Exit, message: impl Display) -> Failure {
        Failure { exit, repeat: Repeat::Never, message: Some(message.to_string()), hint: None }
    }

    /// A failure that has been reported line by line already.
    pub fn reported() -> Failure {
        Failure { exit: Exit::Error, repeat: Repeat::Never, message: None, hint: None }
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
    pub fn too_long(size: impl Display, limit: usize) -> Failure {
        let message = format!("trying to send message larger than max ({size} vs. {limit})");
        Failure::new(Exit::Error, format!("rpc error: code = ResourceExhausted desc = {message}"))
            .with_hint("--max-request-bytes raises the limit of this client; a server takes 1.5 MiB unless it is told otherwise")
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
        if let Some(fault) = Fault::of(&status) {
            return Failure::from(fault);
        }
        // As etcdctl has it: what is not available here may be so elsewhere.
        let repeat = match status.code() {
            Code::Unavailable => Repeat::OfReads,
            _ => Repeat::Never,
        };
        let failure = Failure::answered(&status);
        Failure { repeat, ..failure }
    }
}

impl Failure {
    /// What a server has answered. Its own errors are told as they are; any other keeps
    /// its code.
    fn answered(status: &Status) -> Failure {
        if status.message().starts_with("etcdserver: ") {
            let failure = Failure::new(Exit::Error, status.message());
            return match status.message() {
                NO_LEADER => failure.with_hint(
                    "nothing was done: are enough members up? `kvctl endpoint status` on all of them shows it",
                ),
                _ => failure,
            };
        }
        match status.code() {
            Code::DeadlineExceeded | Code::Cancelled => Failure::deadline(),
            Code::Unimplemented => Failure::coded(status).with_hint(
                "the server does not know this request: is it the port for clients, and its version as new as this one's?",
            ),
            _ => Failure::coded(status),
        }
    }

    fn coded(status: &Status) -> Failure {
        let (code, message) = (status.code(), status.message());
        Failure::new(Exit::Error, format!("rpc error: code = {code:?} desc = {message}"))
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        let (repeat, what) = match fault {
            Fault::NotDone(why) => {
                (Repeat::OfAll, format!("the connection broke before the request was sent: {why}"))
            }
            Fault::Unknown(why) => {
                (Repeat::OfReads, format!("the connection broke before the answer came: {why}"))
            }
        };
        let failure =
            Failure::new(Exit::Error, format!("rpc error: code = Unavailable desc = {what}"));
        Failure { repeat, ..failure }
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
    fn what_certainly_was_not_done_is_told_so() {
        let failure = Failure::from(Status::unavailable(NO_LEADER));
        assert_eq!((failure.words(), failure.repeat), (NO_LEADER, Repeat::OfReads));
        assert!(failure.hint.is_some_and(|hint| hint.starts_with("nothing was done")));
        let failure = Failure::from(Status::unavailable("etcdserver: request timed out"));
        assert_eq!((failure.hint, failure.repeat), (None, Repeat::OfReads));
    }

    #[test]
    fn other_errors_keep_their_code() {
        let failure = Failure::from(Status::new(Code::Unimplemented, "unknown service"));
        assert_eq!(failure.words(), "rpc error: code = Unimplemented desc = unknown service");
    }
}
