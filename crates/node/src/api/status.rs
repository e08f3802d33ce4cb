//! From errors to gRPC's codes. The pairs of code and message are etcd's: clients
//! match on the message, and the code steers whether they try again.

use kv_statemachine::KvError;
use tonic::{Code, Status};

use crate::{ChangeRefusal, Error};

/// What a client is told of an error.
pub fn of_error(error: &Error) -> Status {
    Status::new(code(error), error.to_string())
}

/// What a client is told of a request that is wrong in itself.
pub fn of_kv_error(error: KvError) -> Status {
    Status::new(kv_code(error), error.to_string())
}

/// A request that a member without a vote does not serve.
pub fn learner() -> Status {
    Status::failed_precondition("etcdserver: rpc not supported for learner")
}

/// A request that wants a leader, and nobody leads.
pub fn no_leader() -> Status {
    Status::unavailable(Error::NoLeader.to_string())
}

/// A request for which there is no room.
pub fn too_many_requests() -> Status {
    of_error(&Error::TooManyRequests)
}

/// A request whose client stopped waiting.
pub fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("context deadline exceeded")
}

/// A request that is not sent whole in time.
pub fn sent_too_slowly() -> Status {
    Status::deadline_exceeded("the request was not sent whole in time; send it again")
}

/// A method of etcd's that is not built yet.
pub fn not_served(method: &str) -> Status {
    Status::unimplemented(format!("{method} is not served by this version of balsa"))
}

fn code(error: &Error) -> Code {
    match error {
        Error::Request(error) => kv_code(*error),
        Error::TooLarge => Code::InvalidArgument,
        // etcd has no code for them.
        Error::TooManyRequests | Error::TransferTimedOut => Code::Unknown,
        Error::Members(refusal) => change_code(*refusal),
        Error::NotLeader | Error::BadTransferee | Error::NoRoomToReclaim => {
            Code::FailedPrecondition
        }
        Error::NoLeader
        | Error::LeaderChanged
        | Error::TimedOut
        | Error::ChangeUnknown
        | Error::TimedOutLeaderFailed
        | Error::Stopped => Code::Unavailable,
        Error::Storage(_) => Code::Internal,
    }
}

fn change_code(refusal: ChangeRefusal) -> Code {
    match refusal {
        ChangeRefusal::BadUrls => Code::InvalidArgument,
        ChangeRefusal::MemberNotFound => Code::NotFound,
        ChangeRefusal::PeerUrlExists
        | ChangeRefusal::MemberExists
        | ChangeRefusal::NotLearner
        | ChangeRefusal::LearnerNotReady
        | ChangeRefusal::TooManyLearners => Code::FailedPrecondition,
        ChangeRefusal::Unhealthy => Code::Unavailable,
        // etcd has no code for it.
        ChangeRefusal::NotEnoughStarted => Code::Unknown,
    }
}

fn kv_code(error: KvError) -> Code {
    match error {
        KvError::EmptyKey
        | KvError::KeyNotFound
        | KvError::ValueProvided
        | KvError::LeaseProvided
        | KvError::TooManyOps
        | KvError::DuplicateKey
        | KvError::InvalidSortOption
        | KvError::BadCommand => Code::InvalidArgument,
        KvError::Compacted | KvError::FutureRevision => Code::OutOfRange,
        KvError::LeaseNotFound | KvError::MemberNotFound => Code::NotFound,
        KvError::NoSpace => Code::ResourceExhausted,
        KvError::Corrupt => Code::DataLoss,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_messages_are_those_of_etcd() {
        let told = [
            (Error::Request(KvError::EmptyKey), Code::InvalidArgument, "key is not provided"),
            (
                Error::Request(KvError::TooManyOps),
                Code::InvalidArgument,
                "too many operations in txn request",
            ),
            (
                Error::Request(KvError::Compacted),
                Code::OutOfRange,
                "mvcc: required revision has been compacted",
            ),
            (Error::Request(KvError::LeaseNotFound), Code::NotFound, "requested lease not found"),
            (
                Error::Request(KvError::NoSpace),
                Code::ResourceExhausted,
                "mvcc: database space exceeded",
            ),
            (Error::Request(KvError::Corrupt), Code::DataLoss, "corrupt cluster"),
            (Error::TooLarge, Code::InvalidArgument, "request is too large"),
            (Error::TooManyRequests, Code::Unknown, "too many requests"),
            (Error::NoLeader, Code::Unavailable, "no leader"),
            (Error::TimedOut, Code::Unavailable, "request timed out"),
            (Error::Stopped, Code::Unavailable, "server stopped"),
            (Error::ChangeUnknown, Code::Unavailable, "request timed out"),
            (Error::NotLeader, Code::FailedPrecondition, "not leader"),
            (Error::BadTransferee, Code::FailedPrecondition, "bad leader transferee"),
            (
                Error::TransferTimedOut,
                Code::Unknown,
                "request timed out, leader transfer took too long",
            ),
            (
                Error::Members(ChangeRefusal::BadUrls),
                Code::InvalidArgument,
                "given member URLs are invalid",
            ),
            (
                Error::Members(ChangeRefusal::PeerUrlExists),
                Code::FailedPrecondition,
                "Peer URLs already exists",
            ),
            (
                Error::Members(ChangeRefusal::MemberExists),
                Code::FailedPrecondition,
                "member ID already exist",
            ),
            (Error::Members(ChangeRefusal::MemberNotFound), Code::NotFound, "member not found"),
            (
                Error::Members(ChangeRefusal::NotLearner),
                Code::FailedPrecondition,
                "can only promote a learner member",
            ),
            (
                Error::Members(ChangeRefusal::LearnerNotReady),
                Code::FailedPrecondition,
                "can only promote a learner member which is in sync with leader",
            ),
            (
                Error::Members(ChangeRefusal::TooManyLearners),
                Code::FailedPrecondition,
                "too many learner members in cluster",
            ),
            (
                Error::Members(ChangeRefusal::NotEnoughStarted),
                Code::Unknown,
                "re-configuration failed due to not enough started members",
            ),
            (Error::Members(ChangeRefusal::Unhealthy), Code::Unavailable, "unhealthy cluster"),
        ];
        for (error, code, message) in told {
            let status = of_error(&error);
            assert_eq!(
                (status.code(), status.message()),
                (code, &*format!("etcdserver: {message}"))
            );
        }
    }

    #[test]
    fn what_the_disk_says_is_told_as_it_is() {
        let status = of_error(&Error::Storage("the disk is gone".to_owned()));
        assert_eq!((status.code(), status.message()), (Code::Internal, "the disk is gone"));
    }
}
