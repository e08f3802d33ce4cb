//! What became of a request that a connection failed on.
//!
//! A status that came from a server has no source. One that the transport made has: the
//! error that it was made of, and only that tells whether the request was ever sent.

use std::error::Error;

use tonic::{ConnectError, Status};

use super::target::innermost;

/// Why no server has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request was not sent, or the server says that it did not look at it.
    NotDone(String),
    /// The connection broke while the answer was awaited.
    Unknown(String),
}

impl Fault {
    /// What the transport says; `None` if a server has answered.
    pub fn of(status: &Status) -> Option<Fault> {
        let first = status.source()?;
        let mut source = Some(first);
        while let Some(error) = source {
            if is_not_done(error) {
                return Some(Fault::NotDone(innermost(first)));
            }
            source = error.source();
        }
        Some(Fault::Unknown(innermost(first)))
    }
}

/// Whether this error says for certain that the request had no effect.
fn is_not_done(error: &(dyn Error + 'static)) -> bool {
    if error.is::<ConnectError>() {
        return true;
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        // It had not left the queue when the connection went.
        return error.is_canceled();
    }
    // A stream that the server refused was not processed (RFC 9113, section 8.7).
    error.downcast_ref::<h2::Error>().is_some_and(|error| {
        error.is_remote() && error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM)
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_server_that_answered_is_no_fault() {
        assert_eq!(Fault::of(&Status::unavailable("etcdserver: no leader")), None);
    }

    #[test]
    fn what_was_not_sent_is_told_from_what_may_have_been_done() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let status = Status::from_error(Box::new(ConnectError(Box::new(refused()))));
        assert!(matches!(Fault::of(&status), Some(Fault::NotDone(_))), "{status:?}");
        let status = Status::from_error(Box::new(io::Error::from(io::ErrorKind::BrokenPipe)));
        assert_eq!(Fault::of(&status), Some(Fault::Unknown("broken pipe".to_owned())));
    }
}
