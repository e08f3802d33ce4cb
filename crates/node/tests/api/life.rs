//! How a server ends.

use std::time::{Duration, Instant};

use balsa::api::Options;
use tokio::net::TcpStream;

use super::support::{LIMIT, Served, get, put, until};

/// A server that cuts nobody off while a test runs.
fn patient() -> Options {
    Options { drain_timeout: LIMIT, ..Options::default() }
}

#[tokio::test]
async fn a_shutdown_lets_open_requests_end_and_frees_the_socket() {
    let Served { address, server, node, client, .. } = {
        let served = Served::with(patient()).await;
        let mut kv = served.kv().await;
        kv.put(put("a", "1")).await.expect("it is written");
        served
    };
    // Nothing is open but an idle connection: that must not hold it up.
    let idle = TcpStream::connect(address).await.expect("it listens");
    let began = Instant::now();
    server.shutdown().await;
    assert!(began.elapsed() < LIMIT, "nothing had to be cut");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    drop(idle);
    assert!(client.get("a").await.expect("the node goes on").is_some());
    node.stop().await;
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut() {
    let options = Options { drain_timeout: Duration::from_millis(100), ..Options::default() };
    let served = Served::with(options).await;
    let kv = served.kv().await;
    // The client reads the first pieces of a large range, and no more.
    for number in 0..200 {
        let key = format!("k{number}");
        served.client.put(key, vec![7; 100_000]).await.expect("it is written");
    }
    let all = proto::etcdserverpb::RangeRequest { range_end: "l".into(), ..get("k") };
    let mut stream = kv.clone().range_stream(all).await.expect("it begins").into_inner();
    stream.message().await.expect("it is sent").expect("there is a piece");
    let shutdown = tokio::time::timeout(LIMIT, served.server.shutdown()).await;
    shutdown.expect("it ends in time");
    let mut rest = Ok(None);
    for _ in 0..200 {
        rest = stream.message().await;
        if !matches!(rest, Ok(Some(_))) {
            break;
        }
    }
    assert!(rest.is_err(), "the stream was cut, not ended");
}

#[tokio::test]
async fn an_open_request_is_answered_before_the_end() {
    let served = Served::without_leader_and(patient()).await;
    let mut kv = served.kv().await;
    // It takes a second until it is told that nobody leads.
    let call = tokio::spawn(async move { kv.put(put("a", "1")).await });
    let started = "grpc_server_started_total{grpc_type=\"unary\",\
                   grpc_service=\"etcdserverpb.KV\",grpc_method=\"Put\"} 1";
    until("the call began", async || served.text().await.contains(started)).await;
    served.server.shutdown().await;
    let answer = call.await.expect("it does not panic").expect_err("nobody leads");
    assert_eq!(answer.message(), "etcdserver: request timed out");
}
