//! Bounds, and clients that go away.

use std::time::{Duration, Instant};

use balsa::api::Options;
use proto::etcdserverpb as wire;
use proto::etcdserverpb::maintenance_client::MaintenanceClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;
use wire::request_op::Request as Op;

use super::support::{LIMIT, Served, ask, assert_line, get, op, put, until};

fn small() -> Options {
    Options { request_bytes: 1000, txn_ops: 3, ..Options::default() }
}

#[tokio::test]
async fn large_requests_are_refused_by_size() {
    let served = Served::with(small()).await;
    let mut kv = served.kv().await;
    let of_size = |bytes| wire::PutRequest {
        key: "a".into(),
        value: vec![0; bytes].into(),
        ..Default::default()
    };
    kv.put(of_size(900)).await.expect("it is small enough");
    let refused = kv.put(of_size(1100)).await.expect_err("it is too large");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(refused.message(), "etcdserver: request is too large");
    let bound = small().message_bytes();
    let refused = kv.put(of_size(bound + 1)).await.expect_err("it is not even read");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let words = "grpc: received message larger than max (";
    assert!(refused.message().starts_with(words), "{refused}");
    assert!(refused.message().ends_with(&format!(" vs. {bound})")), "{refused}");
    kv.put(put("a", "1")).await.expect("the connection goes on");
}

#[tokio::test]
async fn large_transactions_are_refused_by_steps_and_depth() {
    let served = Served::with(small()).await;
    let mut kv = served.kv().await;
    let of_steps = |steps| wire::TxnRequest {
        success: vec![op(Op::RequestRange(get("a"))); steps],
        ..Default::default()
    };
    kv.txn(of_steps(3)).await.expect("it is short enough");
    let too_many = "etcdserver: too many operations in txn request";
    let refused = kv.txn(of_steps(4)).await.expect_err("it is too long");
    assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, too_many));
    let served = Served::start().await;
    let mut kv = served.kv().await;
    let nested = |depth| {
        let mut txn = wire::TxnRequest::default();
        for _ in 1..depth {
            let inner = op(Op::RequestTxn(txn));
            txn = wire::TxnRequest { success: vec![inner], ..Default::default() };
        }
        txn
    };
    kv.txn(nested(32)).await.expect("it is flat enough");
    let refused = kv.txn(nested(33)).await.expect_err("it is too deep");
    assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, too_many));
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_call() {
    let served = Served::without_leader().await;
    let line = "grpc_server_handled_total{grpc_type=\"unary\",grpc_service=\"etcdserverpb.KV\",\
                grpc_method=\"Put\",grpc_code=\"Canceled\"}";
    assert_line(&served.text().await, &format!("{line} 0"));
    let mut kv = served.kv().await;
    let call = tokio::spawn(async move { kv.put(put("a", "1")).await });
    let started = "grpc_server_started_total{grpc_type=\"unary\",\
                   grpc_service=\"etcdserverpb.KV\",grpc_method=\"Put\"} 1";
    until("the call began", async || served.text().await.contains(started)).await;
    call.abort();
    let canceled = format!("{line} 1");
    until("the call is let go", async || served.text().await.contains(&canceled)).await;
}

/// A call whose body is in one piece, as bytes of HTTP/1.1: the node looks at its time,
/// no client does.
fn call(path: &str, head: &str, length: usize, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
         content-type: application/grpc\r\n{head}content-length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn a_call_ends_when_its_client_stops_waiting() {
    let served = Served::without_leader().await;
    // {key: "a"}, framed.
    let message = "\0\0\0\0\x03\x0a\x01a";
    let asked = call("/etcdserverpb.KV/Put", "grpc-timeout: 50m\r\n", 8, message);
    let (head, _) = ask(served.address, &asked).await;
    assert!(head.contains("\r\nGrpc-Status: 4\r\n"), "{head}");
    assert!(head.contains("context%20deadline%20exceeded"), "{head}");
    until("it is let go", async || served.text().await.contains("\nbalsa_open_requests 0\n")).await;
}

#[tokio::test]
async fn a_call_that_is_not_sent_whole_is_ended() {
    let sending_timeout = Duration::from_millis(50);
    let served = Served::with(Options { sending_timeout, ..Options::default() }).await;
    let (head, _) = ask(served.address, &call("/etcdserverpb.KV/Put", "", 8, "\0\0\0")).await;
    assert!(head.contains("\r\nGrpc-Status: 4\r\n"), "{head}");
    let text = served.text().await;
    assert_line(&text, "balsa_open_requests 0");
    assert_line(&text, "balsa_open_request_bytes 0");
}

#[tokio::test]
async fn calls_that_are_too_many_are_refused_by_their_heads() {
    let served =
        Served::without_leader_and(Options { open_requests: 1, ..Options::default() }).await;
    let mut kv = served.kv().await;
    let waits = tokio::spawn(async move { kv.put(put("a", "1")).await });
    let inside = "\nbalsa_open_requests 1\n";
    until("it is inside", async || served.text().await.contains(inside)).await;
    // The body never comes, and is not waited for.
    let (head, _) = ask(served.address, &call("/etcdserverpb.KV/Range", "", 8, "")).await;
    assert!(head.contains("\r\nGrpc-Status: 2\r\n"), "{head}");
    assert!(head.contains("etcdserver:%20too%20many%20requests"), "{head}");
    let mut maintenance = MaintenanceClient::new(served.channel().await);
    maintenance.status(wire::StatusRequest {}).await.expect("operators are let in");
    waits.await.expect("it ends").expect_err("nobody leads");
    let text = served.text().await;
    assert_line(&text, "balsa_open_requests 0");
    assert_line(&text, "balsa_requests_refused_total 1");
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let options = Options { head_timeout: Duration::from_millis(50), ..Options::default() };
    let served = Served::with(options).await;
    for sent in ["", "GET /health HTTP/1.1\r\nhost: "] {
        let mut stream = TcpStream::connect(served.address).await.expect("it listens");
        stream.write_all(sent.as_bytes()).await.expect("it is read");
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(LIMIT, stream.read_to_end(&mut rest)).await;
        closed.expect("it is closed in time").expect("it is closed in order");
    }
}

#[tokio::test]
async fn a_connection_has_no_more_open_requests_than_it_may() {
    let options = Options { concurrent_streams: 1, ..Options::default() };
    let served = Served::without_leader_and(options).await;
    let mut kv = served.kv().await;
    // The first answer brings the bound with it.
    let stale = wire::RangeRequest { serializable: true, ..get("a") };
    kv.range(stale).await.expect("it reads what it has");
    let began = Instant::now();
    let mut other = kv.clone();
    // Each waits a second for a leader: together that is two, one after the other.
    let (one, two) = tokio::join!(kv.put(put("a", "1")), other.put(put("a", "1")));
    assert!(one.is_err() && two.is_err());
    assert!(began.elapsed() > Duration::from_millis(1800), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_client_that_only_pings_is_told_to_calm_down() {
    let served = Served::start().await;
    let mut stream = TcpStream::connect(served.address).await.expect("it listens");
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let greeting = [&preface[..], &settings].concat();
    stream.write_all(&greeting).await.expect("it is read");
    // An answer to each of them, but for the last.
    let mut received = Vec::new();
    for number in 1..=4 {
        stream.write_all(&ping).await.expect("it is read");
        let answers = |bytes: &[u8]| bytes.windows(8).filter(|found| *found == &ping[9..]).count();
        while number < 4 && answers(&received) < number {
            let read = stream.read_buf(&mut received).await.expect("it goes on");
            assert!(read > 0, "it is cut off too early");
        }
    }
    let closed = tokio::time::timeout(LIMIT, stream.read_to_end(&mut received)).await;
    closed.expect("it is closed in time").expect("it is closed in order");
    assert!(received.ends_with(b"\x00\x00\x00\x0btoo_many_pings"), "{received:?}");
}
