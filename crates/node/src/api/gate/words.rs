//! The words of gRPC itself, put as Go's gRPC puts them: some clients know an error by
//! its code and words only.

use http::{HeaderMap, HeaderName};
use tonic::{Code, Status};

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
static GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Puts right what an answer without a message says. `path` is what was asked for, and
/// messages above `message_bytes` are too large.
pub fn put_right(headers: &mut HeaderMap, path: &str, message_bytes: usize) {
    // A call that went well has its code at the end, not here.
    if !headers.contains_key(&GRPC_STATUS) {
        return;
    }
    let Some(status) = Status::from_header_map(headers) else { return };
    let Some(status) = in_words_of_go(&status, path, message_bytes) else { return };
    headers.remove(&GRPC_STATUS);
    headers.remove(&GRPC_MESSAGE);
    // What no header holds is escaped in it.
    let _ = status.add_header(headers);
}

/// What a path gets that leads to no method.
pub fn unknown_method(path: &str) -> Status {
    let name = path.strip_prefix('/').unwrap_or(path);
    let text = match name.rsplit_once('/') {
        Some((service, _)) if service.contains('/') => format!("unknown service {service}"),
        Some((service, method)) => format!("unknown method {method} for service {service}"),
        None => format!("malformed method name: {path:?}"),
    };
    Status::unimplemented(text)
}

/// The same status in other words; `None` if they are right.
fn in_words_of_go(status: &Status, path: &str, message_bytes: usize) -> Option<Status> {
    let said = status.message();
    match status.code() {
        Code::Unimplemented if said.is_empty() => Some(unknown_method(path)),
        Code::OutOfRange => {
            let rest = said.strip_prefix("Error, decoded message length too large: found ")?;
            let found: u64 = rest.split_once(' ')?.0.parse().ok()?;
            Some(Status::resource_exhausted(format!(
                "grpc: received message larger than max ({found} vs. {message_bytes})"
            )))
        }
        Code::Internal => Some(broken_message(said)?),
        _ => None,
    }
}

fn broken_message(said: &str) -> Option<Status> {
    let flag = "protocol error: received message with invalid compression flag: ";
    if said.starts_with("failed to decode Protobuf message: ") {
        let text =
            "grpc: error unmarshalling request: proto: cannot parse invalid wire-format data";
        Some(Status::internal(text))
    } else if said == "Unexpected EOF decoding stream." {
        Some(Status::unknown("unexpected EOF"))
    } else if said.starts_with("protocol error: received message with compressed-flag") {
        Some(Status::internal("grpc: compressed flag set with identity or empty encoding"))
    } else {
        let flag = said.strip_prefix(flag)?.split(' ').next()?;
        Some(Status::internal(format!("grpc: received unexpected payload format {flag}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: &Status) -> (Code, String) {
        let mut headers = HeaderMap::new();
        status.add_header(&mut headers).expect("its words are plain");
        put_right(&mut headers, "/a.B/C", 20);
        let status = Status::from_header_map(&headers).expect("it has a status");
        (status.code(), status.message().to_owned())
    }

    #[test]
    fn a_message_too_large_has_the_error_of_go() {
        let text =
            "Error, decoded message length too large: found 30 bytes, the limit is: 20 bytes";
        let expected = "grpc: received message larger than max (30 vs. 20)".to_owned();
        assert_eq!(told(&Status::out_of_range(text)), (Code::ResourceExhausted, expected));
    }

    #[test]
    fn a_method_that_is_not_there_is_named() {
        let expected = "unknown method C for service a.B".to_owned();
        assert_eq!(told(&Status::unimplemented("")), (Code::Unimplemented, expected));
        assert_eq!(unknown_method("/a/b/c").message(), "unknown service a/b");
        assert_eq!(unknown_method("/a").message(), "malformed method name: \"/a\"");
    }

    #[test]
    fn other_errors_stay() {
        for status in [
            Status::out_of_range("etcdserver: mvcc: required revision has been compacted"),
            Status::unimplemented("not served"),
            Status::internal("the disk is gone"),
        ] {
            assert_eq!(told(&status), (status.code(), status.message().to_owned()));
        }
        let mut nothing = HeaderMap::new();
        put_right(&mut nothing, "/a.B/C", 20);
        assert!(nothing.is_empty());
    }
}
