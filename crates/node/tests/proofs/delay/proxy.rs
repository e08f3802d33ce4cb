//! A long way: a relay of TCP connections that holds every byte back for a while.
//!
//! It delays and does not slow down: however much is on its way, each piece comes
//! out as long after it came in as every other, and in order.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// The most bytes of one piece.
const PIECE: usize = 64 << 10;

/// The most pieces on their way on one connection.
const PIECES: usize = 4096;

/// Relays until it is dropped.
pub struct Proxy(JoinHandle<()>);

impl Proxy {
    /// Takes connections on one address and makes each of them to the other.
    pub async fn start(from: SocketAddr, to: SocketAddr, one_way: Duration) -> Proxy {
        let listener = TcpListener::bind(from).await.expect("the address is free");
        Proxy(tokio::spawn(async move {
            let mut relays = JoinSet::new();
            loop {
                let (near, _) = listener.accept().await.expect("connections can be taken");
                relays.spawn(relay(near, to, one_way));
                while relays.try_join_next().is_some() {}
            }
        }))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where nobody listens the near side sees its connection closed.
async fn relay(near: TcpStream, to: SocketAddr, one_way: Duration) {
    let Ok(far) = TcpStream::connect(to).await else { return };
    for stream in [&near, &far] {
        stream.set_nodelay(true).expect("a socket that is open can be set");
    }
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::join!(pump(near_in, far_out, one_way), pump(far_in, near_out, one_way));
}

/// Takes pieces in at once and gives each out when its time has come. The end comes
/// out like a piece, and an error of either side is an end.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, one_way: Duration) {
    let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    let read = async move {
        let mut buffer = vec![0; PIECE];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let piece = (Instant::now() + one_way, buffer[..length].to_vec());
            if sender.send(piece).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((due, piece)) = pieces.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(read, write);
}
