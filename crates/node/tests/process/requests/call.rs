//! One request as its bytes go over the wire, and what came back.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body::Body as _;
use prost::Message;
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::Channel;
use tower_service::Service;

use crate::etcdctl::wire;
/// How long an answer is waited for; some requests get none.
const ANSWER: Duration = Duration::from_secs(5);

/// A request. Everything in it may be wrong.
#[derive(Clone, Debug)]
pub struct Row {
    /// What a failure calls it.
    pub name: String,
    method: Method,
    path: String,
    headers: BTreeMap<&'static str, &'static str>,
    /// All that follows the head, frames and all.
    body: Bytes,
}

/// What a node answers.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// HTTP's status.
    pub http: u16,
    /// gRPC's code and message; none if it is no answer of gRPC.
    pub status: Option<(tonic::Code, String)>,
    /// What else came, without the term in an answer's header.
    pub answer: String,
}

impl Row {
    /// A sound call of a method of `KV`.
    pub fn kv(name: impl Into<String>, method: &str, message: &impl Message) -> Row {
        Row::of(name, &format!("/etcdserverpb.KV/{method}"), framed(0, &message.encode_to_vec()))
    }

    /// A call with any body.
    pub fn of(name: impl Into<String>, path: &str, body: impl Into<Bytes>) -> Row {
        let headers = [("content-type", "application/grpc"), ("te", "trailers")];
        Row {
            name: name.into(),
            method: Method::POST,
            path: path.to_owned(),
            headers: headers.into(),
            body: body.into(),
        }
    }

    /// The same with another header.
    pub fn with(mut self, name: &'static str, value: &'static str) -> Row {
        self.headers.insert(name, value);
        self
    }

    /// The same without a header.
    pub fn without(mut self, name: &'static str) -> Row {
        self.headers.remove(name);
        self
    }

    /// The same with another method of HTTP.
    pub fn by(mut self, method: Method) -> Row {
        self.method = method;
        self
    }

    /// Asks a node. A connection or a stream that ends without an answer is told in
    /// its place.
    pub async fn ask(&self, channel: &mut Channel) -> Outcome {
        let mut request = Request::new(Body::new(axum::body::Body::from(self.body.clone())));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.parse().expect("the path is one");
        for (name, value) in &self.headers {
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        let in_pieces = self.path.ends_with("Stream");
        let answered = timeout(ANSWER, answer(channel, request, in_pieces)).await;
        let answered = answered.unwrap_or_else(|_| Err("no answer".to_owned()));
        answered.unwrap_or_else(|error| Outcome { http: 0, status: None, answer: error })
    }
}

/// A message as gRPC frames it: a flag, its length, its bytes.
pub fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("it is no more than 4 GiB");
    [&[flag], &length.to_be_bytes()[..], message].concat()
}

async fn answer(
    channel: &mut Channel,
    request: Request<Body>,
    in_pieces: bool,
) -> Result<Outcome, String> {
    let told = |error: &dyn std::error::Error| {
        error.source().map_or_else(|| error.to_string(), |source| source.to_string())
    };
    poll_fn(|context| channel.poll_ready(context)).await.map_err(|error| told(&error))?;
    let response = channel.call(request).await.map_err(|error| told(&error))?;
    let (head, mut body) = response.into_parts();
    let (mut trailers, mut bytes) = (head.headers.clone(), Vec::new());
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        match frame.map_err(|status| told(&status))?.into_data() {
            Ok(data) => bytes.extend_from_slice(&data),
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    let status = status(&trailers);
    let answer =
        if status.is_some() { messages(&bytes, in_pieces) } else { text(&head.headers, &bytes) };
    Ok(Outcome { http: head.status.as_u16(), status, answer })
}

fn status(headers: &HeaderMap) -> Option<(tonic::Code, String)> {
    let status = Status::from_header_map(headers)?;
    // Go's protobuf writes some of its blanks as others, in some builds: nobody is to
    // rely on its words.
    Some((status.code(), status.message().replace('\u{a0}', " ")))
}

/// The messages of an answer, each without the term. A piece of an answer holds the
/// message that the whole answer would be.
fn messages(mut bytes: &[u8], in_pieces: bool) -> String {
    let mut all = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(5) {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let (message, rest) = rest.split_at(length.min(rest.len()));
        let piece = if in_pieces { wire::first_content(message) } else { None };
        let message = piece.as_deref().unwrap_or(message);
        let message = wire::without_term(message).unwrap_or_else(|| message.to_vec());
        all.push(message.escape_ascii().to_string());
        bytes = rest;
    }
    all.join("; ")
}

/// What is no answer of gRPC.
fn text(headers: &HeaderMap, bytes: &[u8]) -> String {
    let kind = headers.get("content-type").map(|kind| String::from_utf8_lossy(kind.as_bytes()));
    format!("{}: {}", kind.unwrap_or_default(), bytes.escape_ascii())
}
