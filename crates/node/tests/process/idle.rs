//! Clients that cost a node something without wanting anything of it: connections that
//! say nothing, answers that nobody reads, calls that nobody waits for.

use std::fs;
use std::future::poll_fn;
use std::time::{Duration, Instant};

use bench::client::Connection;
use http::Request;
use prost::Message as _;
use proto::etcdserverpb::{PutRequest, RangeRequest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tower_service::Service;

use super::harness::{LIMIT, Load, ONE_CALL, Town, memory, raise_open_files};
use super::random::Random;

/// Connections that say nothing, and how many are made at a time.
const IDLE: usize = 10_000;
const AT_ONCE: usize = 200;
/// What one of them may cost a node, in bytes.
const IDLE_BYTES: u64 = 64 << 10;

/// A large answer: so many keys with so large values, in bytes.
const KEYS: usize = 200;
const VALUE_BYTES: usize = 32 << 10;
/// How often it is asked for. All answers together are 3 GB.
const UNREAD: usize = 500;
/// What they may cost a node, in bytes.
const UNREAD_BYTES: u64 = 384 << 20;

/// Calls that are given up, of which half write so many bytes, and how long the most
/// patient of them waits.
const GIVEN_UP: usize = 10_000;
const SMALL_BYTES: usize = 1 << 10;
const PATIENCE_US: u64 = 3_000;
/// What they may cost a node, in bytes, once they are gone.
const GIVEN_UP_BYTES: u64 = 64 << 20;

/// How often it is looked whether something is gone.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Connections that say nothing cost little. Others are served meanwhile, and what was
/// taken is given back.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections_disturb_nobody() {
    raise_open_files();
    let mut town = Town::start(3, &[]).await;
    let leader = town.wait_leader().await;
    let (pid, endpoint) = (town.pids()[leader], town.endpoints()[leader].clone());
    let term = town.status(leader).await.expect("it answers").raft_term;
    let load = Load::start("idle", &town.endpoints(), 8);
    load.wait_for(1_000).await;
    let (files, before) = (open_files(pid), memory(pid));

    let mut connections = Vec::new();
    let mut arriving = JoinSet::new();
    for number in 0..IDLE {
        arriving.spawn(say_hello(endpoint.clone()));
        if arriving.len() == AT_ONCE || number + 1 == IDLE {
            connections.extend(std::mem::take(&mut arriving).join_all().await);
        }
    }
    let each = memory(pid).saturating_sub(before) / IDLE as u64;
    println!("{each} bytes a connection");
    assert!(each <= IDLE_BYTES, "{each} bytes a connection");
    load.wait_for_more(1_000).await;
    let put = PutRequest { key: "new".into(), value: "1".into(), ..PutRequest::default() };
    Connection::new(&endpoint).put(put, ONE_CALL).await.expect("a new client is served");
    assert!(open_files(pid) >= files + IDLE, "all of them are open");

    drop(connections);
    until("the connections are gone", async || open_files(pid) < files + AT_ONCE).await;
    let status = town.status(leader).await.expect("it answers");
    assert_eq!(status.raft_term, term, "there was an election");
    assert_eq!(load.failed(), 0, "all writes are done");
    let record = load.stop().await;
    town.verify(&record).await;
}

/// A client that asks for more and more and reads nothing of it is told to stop, and
/// nobody else notices.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_is_bounded() {
    let mut town = Town::start(3, &[]).await;
    let leader = town.wait_leader().await;
    let (pid, endpoint) = (town.pids()[leader], town.endpoints()[leader].clone());
    let mut sound = Connection::new(&endpoint);
    for number in 0..KEYS {
        let key = format!("large/{number:04}").into();
        let put = PutRequest { key, value: vec![b'v'; VALUE_BYTES].into(), ..Default::default() };
        sound.put(put, ONE_CALL).await.expect("it is written");
    }
    let all =
        RangeRequest { key: "large/".into(), range_end: "large0".into(), ..Default::default() };
    let load = Load::start("read", &town.endpoints(), 8);
    load.wait_for(1_000).await;
    let before = memory(pid);

    let url = Endpoint::from_shared(format!("http://{endpoint}")).expect("it is a URL");
    let lazy = url.connect().await.expect("the node listens");
    let mut asking = JoinSet::new();
    for _ in 0..UNREAD {
        asking.spawn(ask_and_leave(lazy.clone(), all.clone()));
    }
    let answers = asking.join_all().await;
    let refused = answers.iter().filter(|answer| is_refused(answer)).count();
    let grown = memory(pid).saturating_sub(before);
    println!("{refused} of {UNREAD} refused, {grown} bytes grown");
    assert!(refused > 0 && refused < UNREAD, "{refused} of {UNREAD} are refused");
    assert!(grown <= UNREAD_BYTES, "it grew by {grown} bytes");

    let read = sound.range(all, ONE_CALL).await.expect("others are served");
    assert_eq!(read.kvs.len(), KEYS);
    load.wait_for_more(1_000).await;
    assert_eq!(load.failed(), 0, "all writes are done");
    drop((answers, lazy));
    until("all answers are gone", async || {
        town.metric(leader, "balsa_unread_answer_bytes").await == 0.0
    })
    .await;
    let record = load.stop().await;
    town.verify(&record).await;
}

/// Calls that nobody waits for any more free what they held, whether the cluster could
/// do them or not.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_given_up_free_what_they_held() {
    let seed = 23;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut town = Town::start(3, &[]).await;
    let leader = town.wait_leader().await;
    let (pid, endpoint) = (town.pids()[leader], town.endpoints()[leader].clone());
    give_up(&endpoint, GIVEN_UP / 5, &mut random).await;
    wait_for_none(&town, leader).await;
    let before = memory(pid);
    give_up(&endpoint, GIVEN_UP / 2, &mut random).await;
    wait_for_none(&town, leader).await;

    for node in town.others(leader) {
        town.process(node).pause().expect("it can be halted");
    }
    give_up(&endpoint, GIVEN_UP / 2, &mut random).await;
    wait_for_none(&town, leader).await;
    for node in town.others(leader) {
        town.process(node).resume().expect("it goes on");
    }
    let grown = memory(pid).saturating_sub(before);
    println!("{grown} bytes grown");
    assert!(grown <= GIVEN_UP_BYTES, "it grew by {grown} bytes");
    town.wait_leader().await;
    let put = PutRequest { key: "after".into(), value: "1".into(), ..PutRequest::default() };
    town.connection(leader).put(put, ONE_CALL).await.expect("it serves");
}

/// Opens a connection as a client does, and says nothing more.
async fn say_hello(endpoint: String) -> TcpStream {
    let mut stream = TcpStream::connect(&endpoint).await.expect("it listens");
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let hello = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings].concat();
    stream.write_all(&hello).await.expect("it is read");
    let mut answer = [0; 9];
    stream.read_exact(&mut answer).await.expect("it says hello, too");
    stream
}

/// Asks for an answer, and does not read it. Kept, it is waited for.
async fn ask_and_leave(mut channel: Channel, request: RangeRequest) -> http::Response<Body> {
    let message = request.encode_to_vec();
    let length = u32::try_from(message.len()).expect("it is short").to_be_bytes();
    let body = [&[0], &length[..], &message].concat();
    let request = Request::post("/etcdserverpb.KV/Range")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(axum::body::Body::from(body)))
        .expect("the request is sound");
    poll_fn(|context| channel.poll_ready(context)).await.expect("the connection holds");
    channel.call(request).await.expect("it answers")
}

fn is_refused(answer: &http::Response<Body>) -> bool {
    let status = Status::from_header_map(answer.headers());
    status.is_some_and(|status| status.message() == "etcdserver: too many requests")
}

/// Makes calls of all kinds, and gives each up after a moment.
async fn give_up(endpoint: &str, calls: usize, random: &mut Random) {
    let mut running = JoinSet::new();
    let connections: Vec<Connection> = (0..8).map(|_| Connection::new(endpoint)).collect();
    for number in 0..calls {
        let mut connection = connections[number % connections.len()].clone();
        let patience = Duration::from_micros(random.below(PATIENCE_US));
        let is_put = random.one_in(2);
        running.spawn(async move {
            let key = format!("given up/{}", number % 100);
            // Whether it was done in time is not what this is about.
            if is_put {
                let value = vec![b'v'; SMALL_BYTES].into();
                let put = PutRequest { key: key.into(), value, ..PutRequest::default() };
                drop(connection.put(put, patience).await);
            } else {
                let get = RangeRequest { key: key.into(), ..RangeRequest::default() };
                drop(connection.range(get, patience).await);
            }
        });
        if running.len() >= AT_ONCE {
            running.join_next().await;
        }
    }
    running.join_all().await;
}

/// Waits until a node holds nothing for anybody.
async fn wait_for_none(town: &Town, node: usize) {
    for gauge in
        ["balsa_open_requests", "balsa_open_request_bytes", "etcd_server_proposals_pending"]
    {
        until(gauge, async || town.metric(node, gauge).await == 0.0).await;
    }
}

async fn until(what: &str, mut is_true: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_true().await {
        assert!(began.elapsed() < LIMIT, "never: {what}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").count()
}
