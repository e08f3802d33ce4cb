//! What is wrong before a message is understood: bytes, frames, headers, paths.

use http::Method;
use prost::Message;
use proto::etcdserverpb::{PutRequest, RangeRequest};

use super::Row;
use crate::requests::call::framed;

const RANGE: &str = "/etcdserverpb.KV/Range";

/// The rows.
pub fn rows() -> Vec<Row> {
    [messages(), headers(), paths()].concat()
}

fn get() -> Vec<u8> {
    RangeRequest { key: "a".into(), ..Default::default() }.encode_to_vec()
}

fn messages() -> Vec<Row> {
    let whole = framed(0, &get());
    let put = PutRequest { key: "half".into(), value: "x".into(), ..Default::default() };
    let put = framed(0, &put.encode_to_vec());
    let of = |name, body: &[u8]| Row::of(format!("message: {name}"), RANGE, body.to_vec());
    vec![
        of("garbage", &framed(0, b"\xff\xff\xff\xff")),
        of("a field cut off", &framed(0, b"\x0a\x05ab")),
        of("a field of another kind", &framed(0, b"\x08\x05")),
        of("a tag of zero", &framed(0, b"\x00\x00")),
        of("an unknown field", &framed(0, b"\x0a\x01a\xc0\x3e\x07")),
        of(
            "a number that is too long",
            &framed(0, b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        ),
        of("text that is no UTF-8 as a key", &framed(0, b"\x0a\x02\xff\xfe")),
        of("none", b""),
        of("a head cut off", &whole[..3]),
        of("cut off", &whole[..whole.len() - 1]),
        of("two", &[whole.clone(), whole.clone()].concat()),
        of("with bytes behind it", &[&whole[..], b"xyz"].concat()),
        of("compressed by nothing", &framed(1, &get())),
        of("with an unknown flag", &framed(2, &get())),
        of("longer than it says", &framed(0, &get())[..]).with("content-length", "9"),
        of("of four gigabytes", b"\x00\xff\xff\xff\xffabc"),
        Row::of("message: a put cut off", "/etcdserverpb.KV/Put", put[..put.len() - 1].to_vec()),
        Row::of("message: two puts", "/etcdserverpb.KV/Put", [&put[..], &put[..]].concat()),
        Row::kv("message: whether a put was done", "Range", &{
            RangeRequest { key: "half".into(), ..Default::default() }
        }),
    ]
}

fn headers() -> Vec<Row> {
    let of = |name| Row::of(format!("header: {name}"), RANGE, framed(0, &get()));
    let squeezed = |name| Row::of(format!("header: {name}"), RANGE, framed(1, &get()));
    vec![
        of("another subtype").with("content-type", "application/grpc+json"),
        of("the subtype of the format").with("content-type", "application/grpc+proto"),
        of("a parameter of the type").with("content-type", "application/grpc;charset=utf-8"),
        of("a word like the type").with("content-type", "application/grpcx"),
        of("another type").with("content-type", "application/json"),
        of("no type").without("content-type"),
        of("no te").without("te"),
        of("an unknown encoding").with("grpc-encoding", "nope"),
        squeezed("an unknown encoding in use").with("grpc-encoding", "nope"),
        of("a known encoding that is not used").with("grpc-encoding", "gzip"),
        squeezed("a known encoding of garbage").with("grpc-encoding", "gzip"),
        squeezed("compressed as it is").with("grpc-encoding", "identity"),
        of("unknown encodings for the answer").with("grpc-accept-encoding", "nope,none"),
        of("a time without a unit").with("grpc-timeout", "100"),
        of("a time that is none").with("grpc-timeout", "soon"),
        of("a time with an unknown unit").with("grpc-timeout", "1d"),
        of("a time with too many digits").with("grpc-timeout", "123456789S"),
        of("a time below zero").with("grpc-timeout", "-1S"),
        of("an empty time").with("grpc-timeout", ""),
        of("a long time").with("grpc-timeout", "99999999H"),
        of("binary metadata that is none").with("note-bin", "!!!"),
        of("reserved metadata").with("grpc-internal", "x"),
        of("the wish for a leader in another word").with("hasleader", "perhaps"),
        of("the wish for a leader").with("hasleader", "true"),
        of("a token").with("token", "nobody.7"),
        of("a token as others give it").with("authorization", "Bearer x"),
    ]
}

fn paths() -> Vec<Row> {
    let of = |path: &str| Row::of(format!("path: {path}"), path, framed(0, &get()));
    let mut rows: Vec<Row> = [
        "/etcdserverpb.KV/Nope",
        "/etcdserverpb.KV/range",
        "/etcdserverpb.KV/",
        "/etcdserverpb.KV",
        "/etcdserverpb.kv/Range",
        "/other.Service/Range",
        "/nope",
        "/",
        "//",
        "/etcdserverpb.KV/Range/more",
        "/etcdserverpb.KV/Range?query=1",
        "/etcdserverpb.Watch/Nope",
    ]
    .into_iter()
    .map(of)
    .collect();
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD, Method::OPTIONS] {
        let row = Row::of(format!("by {method}"), RANGE, framed(0, &get()));
        rows.push(row.by(method));
    }
    rows
}
