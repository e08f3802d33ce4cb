//! How bytes fare from one node to another.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use crate::random::Random;

/// The most bytes that pass at once.
const PIECE: usize = 64 << 10;

/// The most pieces that are on their way at once.
const PIECES: usize = 1024;

/// The ways that are not as they should be, by the nodes at their ends.
pub type Ways = BTreeMap<(usize, usize), Way>;

/// What is wrong with a way. The way back has its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Way {
    /// Nothing passes; it waits, and passes once the way is whole again.
    pub is_cut: bool,
    /// How much later everything arrives.
    pub delay: Duration,
    /// How many bytes pass in a second, on each connection; all that come if not said.
    pub bytes_per_second: Option<u64>,
    /// One of so many pieces has a bit flipped; none if not said.
    pub flips_one_in: Option<u64>,
}

/// Carries bytes one way, as long as both ends are there.
pub async fn carry(
    mut input: OwnedReadHalf,
    mut output: OwnedWriteHalf,
    way: (usize, usize),
    mut ways: watch::Receiver<Ways>,
    random: &Mutex<Random>,
) {
    let (sent, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    let reads = async move {
        let mut buffer = vec![0; PIECE];
        while let Ok(length @ 1..) = input.read(&mut buffer).await {
            if sent.send((Instant::now(), buffer[..length].to_vec())).await.is_err() {
                return;
            }
        }
        // What is on its way arrives before the end does.
        drop(sent);
        std::future::pending::<()>().await;
    };
    let writes = async {
        while let Some((came, mut piece)) = pieces.recv().await {
            let Some(state) = whole(&mut ways, way).await else { return };
            sleep_until(came + state.delay).await;
            if let Some(rate) = state.bytes_per_second {
                sleep(Duration::from_secs_f64(piece.len() as f64 / rate as f64)).await;
            }
            if let Some(chances) = state.flips_one_in {
                flip(&mut piece, chances, random);
            }
            if output.write_all(&piece).await.is_err() {
                return;
            }
        }
        // The end is as much a piece as any other.
        whole(&mut ways, way).await;
    };
    tokio::select! {
        () = reads => {}
        () = writes => {}
    }
}

/// The state of a way once it is not cut; nothing if the network is gone.
async fn whole(ways: &mut watch::Receiver<Ways>, way: (usize, usize)) -> Option<Way> {
    let is_whole = |ways: &Ways| !ways.get(&way).is_some_and(|way| way.is_cut);
    let ways = ways.wait_for(is_whole).await.ok()?;
    Some(ways.get(&way).copied().unwrap_or_default())
}

fn flip(piece: &mut [u8], chances: u64, random: &Mutex<Random>) {
    let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
    if random.one_in(chances) {
        let bit = random.below(8 * piece.len() as u64) as usize;
        piece[bit / 8] ^= 1 << (bit % 8);
    }
}
