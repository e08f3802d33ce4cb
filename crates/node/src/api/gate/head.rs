//! Whether a head is that of a gRPC call. What is wrong is told with the codes and
//! words of Go's gRPC, and in its order.

use std::time::Duration;

use http::{HeaderMap, Method, Request, StatusCode, header};
use tonic::{Code, Status};

use super::deadline;
use super::words::unknown_method;

const GRPC: &str = "application/grpc";

/// Why a head is refused.
#[derive(Debug)]
pub struct Refusal {
    /// What gRPC is told.
    pub status: Status,
    /// What HTTP is told.
    pub http: StatusCode,
}

/// Looks at a head; returns how long the client waits, if it says so.
///
/// # Errors
///
/// What is wrong with it.
pub fn check<B>(request: &Request<B>) -> Result<Option<Duration>, Refusal> {
    let headers = request.headers();
    let refuse = |http, code, text: String| Err(Refusal { status: Status::new(code, text), http });
    let kind = headers.get(header::CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap_or(""));
    if !is_grpc(kind) {
        let text = format!("invalid gRPC request content-type {kind:?}");
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument, text);
    }
    let limit = match timeout(headers).and_then(|limit| metadata(headers).map(|()| limit)) {
        Ok(limit) => limit,
        Err(text) => return refuse(StatusCode::BAD_REQUEST, Code::Internal, text),
    };
    if request.method() != Method::POST {
        let method = request.method().as_str();
        let text = format!("Received a HEADERS frame with :method {method:?} which should be POST");
        return refuse(StatusCode::METHOD_NOT_ALLOWED, Code::Internal, text);
    }
    if let Some(encoding) = headers.get("grpc-encoding").filter(|encoding| *encoding != "identity")
    {
        let encoding = encoding.to_str().unwrap_or("");
        let text = format!("grpc: Decompressor is not installed for grpc-encoding {encoding:?}");
        return refuse(StatusCode::OK, Code::Unimplemented, text);
    }
    // It belongs to the method's name, of which there is none with a question mark.
    if let Some(path) = request.uri().path_and_query().filter(|path| path.query().is_some()) {
        return Err(Refusal { status: unknown_method(path.as_str()), http: StatusCode::OK });
    }
    Ok(limit)
}

/// `application/grpc`, alone or with a subtype or a parameter.
fn is_grpc(kind: &str) -> bool {
    kind.strip_prefix(GRPC).is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, String> {
    let Some(text) = headers.get("grpc-timeout") else { return Ok(None) };
    let limit = deadline::parse(text.to_str().unwrap_or(""));
    limit.map(Some).map_err(|error| format!("malformed grpc-timeout: {error}"))
}

/// Metadata whose name ends so is in base64.
fn metadata(headers: &HeaderMap) -> Result<(), String> {
    for (name, value) in headers.iter().filter(|(name, _)| name.as_str().ends_with("-bin")) {
        if let Some(place) = not_base64(value.as_bytes()) {
            let (name, value) = (name.as_str(), String::from_utf8_lossy(value.as_bytes()));
            return Err(format!(
                "malformed binary metadata {value:?} in header {name:?}: \
                 illegal base64 data at input byte {place}"
            ));
        }
    }
    Ok(())
}

/// Where it is no base64, with or without padding; `None` if it is.
fn not_base64(text: &[u8]) -> Option<usize> {
    let end = if text.len().is_multiple_of(4) {
        text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1)
    } else {
        text.len()
    };
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    let wrong = text[..end].iter().position(|byte| !is_letter(byte));
    // Six bits alone are no byte, and no byte needs three signs of padding.
    wrong.or_else(|| (end % 4 == 1 || text.len() - end > 2).then_some(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &'static str, value: &'static str) -> (StatusCode, Code, String) {
        let request = Request::post("/a/b").header(header::CONTENT_TYPE, "application/grpc");
        let mut request = request.body(()).expect("the request is sound");
        request.headers_mut().insert(name, value.parse().expect("a header's value"));
        let refusal = check(&request).expect_err("it is refused");
        (refusal.http, refusal.status.code(), refusal.status.message().to_owned())
    }

    #[test]
    fn a_sound_head_passes_with_its_time() {
        for kind in ["application/grpc", "application/grpc+proto", "application/grpc;a=b"] {
            let request = Request::post("/a/b").header("content-type", kind);
            let request = request.header("grpc-timeout", "3S").header("x-bin", "YWI=");
            let limit = check(&request.body(()).expect("the request is sound"));
            assert_eq!(limit.expect("it passes"), Some(Duration::from_secs(3)));
        }
    }

    #[test]
    fn the_first_fault_is_told() {
        let (http, code, _) = refused("content-type", "application/grpcx");
        assert_eq!((http, code), (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument));
        let (http, code, text) = refused("grpc-timeout", "soon");
        assert_eq!((http, code), (StatusCode::BAD_REQUEST, Code::Internal));
        assert!(text.starts_with("malformed grpc-timeout: "), "{text}");
        let (http, code, _) = refused("grpc-encoding", "gzip");
        assert_eq!((http, code), (StatusCode::OK, Code::Unimplemented));
    }

    #[test]
    fn base64_is_known() {
        for sound in ["", "YQ==", "YQ", "YWI=", "YWI", "YWJj", "+/+/"] {
            assert_eq!(not_base64(sound.as_bytes()), None, "{sound}");
        }
        for (wrong, place) in [("!!!", 0), ("YW!j", 2), ("Y", 1), ("YWJjZ", 5), ("A===", 1)] {
            assert_eq!(not_base64(wrong.as_bytes()), Some(place), "{wrong}");
        }
    }
}
