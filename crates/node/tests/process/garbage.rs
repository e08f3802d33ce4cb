//! What no sane client or peer sends: noise, and sound requests with bits flipped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bench::client::Connection;
use proto::balsa::raft::v1 as wire;
use proto::balsa::raft::v1::peer_client::PeerClient;
use proto::etcdserverpb::PutRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::harness::{Load, ONE_CALL, Town};
use super::random::Random;

/// How many pieces of garbage each port gets.
const PIECES: u64 = 10_000;

/// How many are on their way at once.
const AT_ONCE: usize = 32;

/// The longest noise, in bytes, and the most bits that are flipped in a request.
const NOISE: u64 = 2048;
const FLIPS: u64 = 8;

/// How long an answer to garbage is waited for, and how long a sender is quiet that
/// has said all it has to say.
const ANSWER: Duration = Duration::from_millis(500);
const QUIET: Duration = Duration::from_millis(300);

/// By how much a node may grow meanwhile, in bytes.
const GROWTH: f64 = 128e6;

/// At the port for clients.
#[tokio::test(flavor = "multi_thread")]
async fn garbage_of_clients_is_refused_and_counted() {
    let put = what_a_client_sends().await;
    throw_at_the_leader(11, &put, Port::Client).await;
}

/// At the port for members.
#[tokio::test(flavor = "multi_thread")]
async fn garbage_of_peers_is_refused_and_counted() {
    let lane = what_a_peer_sends().await;
    throw_at_the_leader(12, &lane, Port::Peer).await;
}

#[derive(Clone, Copy)]
enum Port {
    Client,
    Peer,
}

/// Garbage is refused and counted. It costs no memory, and nobody else notices.
async fn throw_at_the_leader(seed: u64, sound: &[u8], port: Port) {
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut town = Town::start(3, &[]).await;
    let leader = town.wait_leader().await;
    let load = Load::start("garbage", &town.endpoints(), 8);
    load.wait_for(2_000).await;
    let term = town.status(leader).await.expect("it answers").raft_term;
    let memory = town.metric(leader, "process_resident_memory_bytes").await;

    let (address, counter) = match port {
        Port::Client => (town.endpoints()[leader].clone(), "balsa_client_connections_broken_total"),
        Port::Peer => {
            let url = town.peer_url(leader);
            let address = url.strip_prefix("http://").expect("it is a URL").to_owned();
            (address, "balsa_peer_connections_broken_total")
        }
    };
    throw(&address, sound, &mut random).await;
    let broken = town.metric(leader, counter).await;
    assert!(broken >= PIECES as f64 / 3.0, "{broken} of {PIECES} are counted");

    let grown = town.metric(leader, "process_resident_memory_bytes").await - memory;
    println!("{broken} connections broken, {grown:.0} bytes grown");
    assert!(grown < GROWTH, "it grew by {grown} bytes");
    load.wait_for_more(1_000).await;
    let status = town.status(leader).await.expect("it answers");
    assert_eq!(status.raft_term, term, "there was an election");
    assert_eq!(load.failed(), 0, "all writes are done");
    let record = load.stop().await;
    town.verify(&record).await;
}

/// Sends noise and damaged copies of a request, each on a connection of its
/// own.
async fn throw(address: &str, request: &[u8], random: &mut Random) {
    let address: Arc<str> = address.into();
    let mut senders = JoinSet::new();
    for _ in 0..PIECES {
        let piece = if random.one_in(2) { noise(random) } else { damage(request, random) };
        senders.spawn(send(address.clone(), piece));
        if senders.len() >= AT_ONCE {
            senders.join_next().await;
        }
    }
    senders.join_all().await;
}

fn noise(random: &mut Random) -> Vec<u8> {
    (0..=random.below(NOISE)).map(|_| random.below(256) as u8).collect()
}

fn damage(request: &[u8], random: &mut Random) -> Vec<u8> {
    let mut piece = request.to_vec();
    for _ in 0..=random.below(FLIPS) {
        let bit = random.below(8 * piece.len() as u64);
        piece[bit as usize / 8] ^= 1 << (bit % 8);
    }
    piece
}

/// Sends bytes and waits a moment for what comes back.
async fn send(address: Arc<str>, piece: Vec<u8>) {
    let mut stream = TcpStream::connect(&*address).await.expect("the port is served");
    // Whoever is refused in the middle cannot write on.
    if stream.write_all(&piece).await.is_ok() && stream.shutdown().await.is_ok() {
        let mut answer = Vec::new();
        let _ = timeout(ANSWER, stream.read_to_end(&mut answer)).await;
    }
}

/// All that a client sends for a put, before anybody answers.
async fn what_a_client_sends() -> Vec<u8> {
    what_is_sent("value", |address| async move {
        let put = PutRequest { key: "key".into(), value: "value".into(), ..PutRequest::default() };
        // Nobody answers.
        let _ = Connection::new(&address.to_string()).put(put, ONE_CALL).await;
    })
    .await
}

/// All that a member sends that opens a lane and has a write to forward.
async fn what_a_peer_sends() -> Vec<u8> {
    what_is_sent("value", |address| async move {
        let hello = wire::Hello {
            protocol_version: raft_net::PROTOCOL_VERSION,
            cluster: 1,
            sender: 2,
            receiver: 3,
            incarnation: 4,
            storage: 5,
            lane: wire::Lane::Bulk.into(),
            addresses: Vec::new(),
        };
        let request = wire::RequestId { node: 2, incarnation: 4, counter: 1 };
        let forward = wire::Forward { request: Some(request), format: 1, payload: "value".into() };
        let frame = wire::Frame { group: 0, body: Some(wire::frame::Body::Forward(forward)) };
        let messages =
            [wire::lane_request::Message::Hello(hello), wire::lane_request::Message::Frame(frame)];
        let requests = messages.map(|message| wire::LaneRequest { message: Some(message) });
        let url = format!("http://{address}");
        let mut peer = PeerClient::connect(url).await.expect("the listener takes it");
        // Nobody answers.
        let _ = peer.open_lane(tonic::codegen::tokio_stream::iter(requests)).await;
    })
    .await
}

/// What somebody sends who is never answered. It is whole once `end` is in it.
async fn what_is_sent<S>(end: &str, send: impl FnOnce(SocketAddr) -> S) -> Vec<u8>
where
    S: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let asks = tokio::spawn(send(address));
    let (mut stream, _) = listener.accept().await.expect("the client comes");
    let (mut sent, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(Ok(length @ 1..)) = timeout(QUIET, stream.read(&mut buffer)).await {
        sent.extend_from_slice(&buffer[..length]);
    }
    asks.abort();
    let end = end.as_bytes();
    assert!(sent.windows(end.len()).any(|bytes| bytes == end), "the request is whole");
    sent
}
