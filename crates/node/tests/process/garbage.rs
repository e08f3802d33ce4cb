//! What no sane client or peer sends: noise, and sound requests with bits flipped.

use std::sync::Arc;
use std::time::Duration;

use bench::client::Connection;
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

/// Garbage is refused and counted. It costs no memory, and nobody else notices.
#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_refused_and_counted() {
    let seed = 11;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut town = Town::start(3, &[]).await;
    let leader = town.wait_leader().await;
    let load = Load::start("garbage", &town.endpoints(), 8);
    load.wait_for(2_000).await;
    let term = town.status(leader).await.expect("it answers").raft_term;
    let memory = town.metric(leader, "process_resident_memory_bytes").await;

    let client_port = town.endpoints()[leader].clone();
    let put = what_a_client_sends().await;
    throw(&client_port, &put, &mut random).await;
    let broken = town.metric(leader, "balsa_client_connections_broken_total").await;
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
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let asks = tokio::spawn(async move {
        let put = PutRequest { key: "key".into(), value: "value".into(), ..PutRequest::default() };
        Connection::new(&address.to_string()).put(put, ONE_CALL).await
    });
    let (mut stream, _) = listener.accept().await.expect("the client comes");
    let (mut sent, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(Ok(length @ 1..)) = timeout(QUIET, stream.read(&mut buffer)).await {
        sent.extend_from_slice(&buffer[..length]);
    }
    asks.abort();
    assert!(sent.windows(5).any(|bytes| bytes == b"value"), "the request is whole");
    sent
}
