//! Which processes are at the other ends, and which of them are known to be gone.
//!
//! A follower that learns within milliseconds that its leader's process is gone
//! need not wait for an election timeout; one that wrongly believes so disturbs a
//! leader that is well. So a life of a peer counts as gone only if both hold:
//!
//! 1. every stream from it and to it is closed, and
//! 2. a dial that began after that was refused by the peer's own system ("nobody
//!    listens"), or a dial reached another life of that peer.
//!
//! A broken network, a stopped process and a machine without power give neither.
//!
//! Dials and streams run side by side, so what a dial proves depends on when it
//! began. A counter of events orders them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use raft_core::{Incarnation, NodeId};
use tokio_util::sync::CancellationToken;

/// Lives remembered of one peer. More are forgotten, the ones without a stream
/// first: nobody dials some of those who dial us, so nothing is ever proved of them.
const MAX_LIVES: usize = 16;

/// The lives of all peers that are or were at the other end of a stream.
#[derive(Default)]
pub struct Presence {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Counts everything that happens here.
    now: u64,
    peers: BTreeMap<NodeId, BTreeMap<Incarnation, Life>>,
}

struct Life {
    storage: u64,
    first_seen: u64,
    open: usize,
    last_closed: u64,
    /// A dial reached a later life.
    succeeded: bool,
    /// Ends its streams.
    cut: CancellationToken,
}

/// When a dial began.
#[derive(Clone, Copy)]
pub struct DialStart(u64);

/// A stream was opened.
pub struct Opened {
    /// Whether it is the first one of this life.
    pub first: bool,
    /// Tells the stream to end: its life is over, or it must not be listened to.
    pub cut: CancellationToken,
}

/// A stream was closed.
#[derive(Debug, PartialEq, Eq)]
pub enum Closed {
    /// Others of the same life are open.
    OthersOpen,
    /// It was the last one: dial now, to find out what that means.
    Last,
    /// It was the last one of a life that is over.
    Gone,
}

impl Presence {
    /// Takes note that a dial begins.
    pub fn dial(&self) -> DialStart {
        DialStart(self.lock().tick())
    }

    /// Takes note of a stream from or to this life of the peer.
    pub fn opened(&self, peer: NodeId, incarnation: Incarnation, storage: u64) -> Opened {
        let mut state = self.lock();
        let now = state.tick();
        let lives = state.peers.entry(peer).or_default();
        let first = !lives.contains_key(&incarnation);
        if first && lives.len() >= MAX_LIVES {
            forget_oldest(lives);
        }
        let life = lives.entry(incarnation).or_insert_with(|| Life {
            storage,
            first_seen: now,
            open: 0,
            last_closed: 0,
            succeeded: false,
            cut: CancellationToken::new(),
        });
        life.open += 1;
        Opened { first, cut: life.cut.clone() }
    }

    /// Takes note that such a stream is closed and all that came from it delivered.
    pub fn closed(&self, peer: NodeId, incarnation: Incarnation) -> Closed {
        let mut state = self.lock();
        let now = state.tick();
        let lives = state.peers.entry(peer).or_default();
        let life = lives.get_mut(&incarnation).expect("a stream that closes was opened");
        life.open -= 1;
        life.last_closed = now;
        if life.open > 0 {
            return Closed::OthersOpen;
        }
        if !life.succeeded {
            return Closed::Last;
        }
        lives.remove(&incarnation);
        Closed::Gone
    }

    /// Draws the conclusions from a dial that was refused by the peer's system:
    /// the lives that are gone.
    pub fn nobody_listens(&self, peer: NodeId, start: DialStart) -> Vec<Incarnation> {
        let mut state = self.lock();
        let Some(lives) = state.peers.get_mut(&peer) else { return Vec::new() };
        take_out(lives, |life| life.open == 0 && life.last_closed < start.0)
    }

    /// Draws the conclusions from a dial that reached this life of the peer: the
    /// earlier lives that are gone. Streams of earlier lives that look open yet
    /// are cut.
    pub fn reached(
        &self,
        peer: NodeId,
        incarnation: Incarnation,
        start: DialStart,
    ) -> Vec<Incarnation> {
        let mut state = self.lock();
        let Some(lives) = state.peers.get_mut(&peer) else { return Vec::new() };
        for (other, life) in lives.iter_mut() {
            if *other != incarnation && life.first_seen < start.0 {
                life.succeeded = true;
                life.cut.cancel();
            }
        }
        take_out(lives, |life| life.open == 0 && life.succeeded)
    }

    /// Cuts the streams of lives whose data folder is not the recorded one.
    pub fn require_storage(&self, peer: NodeId, recorded: u64) {
        let state = self.lock();
        for life in state.peers.get(&peer).into_iter().flat_map(BTreeMap::values) {
            if life.storage != recorded {
                life.cut.cancel();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with this lock")
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }
}

fn take_out(
    lives: &mut BTreeMap<Incarnation, Life>,
    over: impl Fn(&Life) -> bool,
) -> Vec<Incarnation> {
    let gone: Vec<_> =
        lives.iter().filter(|(_, life)| over(life)).map(|(incarnation, _)| *incarnation).collect();
    for incarnation in &gone {
        lives.remove(incarnation);
    }
    gone
}

fn forget_oldest(lives: &mut BTreeMap<Incarnation, Life>) {
    let closed = lives.iter().filter(|(_, life)| life.open == 0);
    let oldest =
        closed.min_by_key(|(_, life)| life.last_closed).map(|(incarnation, _)| *incarnation);
    if let Some(oldest) = oldest {
        lives.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: NodeId = NodeId(2);
    const OLD: Incarnation = Incarnation(10);
    const NEW: Incarnation = Incarnation(11);

    #[test]
    fn all_streams_closed_and_a_refused_dial_after_that_is_gone() {
        let presence = Presence::default();
        presence.opened(PEER, OLD, 1);
        presence.opened(PEER, OLD, 1);
        assert_eq!(presence.closed(PEER, OLD), Closed::OthersOpen);
        assert_eq!(presence.nobody_listens(PEER, presence.dial()), [], "one stream is open");
        assert_eq!(presence.closed(PEER, OLD), Closed::Last);
        assert_eq!(presence.nobody_listens(PEER, presence.dial()), [OLD]);
        assert_eq!(presence.nobody_listens(PEER, presence.dial()), [], "told once");
    }

    #[test]
    fn a_refused_dial_that_began_before_proves_nothing() {
        let presence = Presence::default();
        let early = presence.dial();
        presence.opened(PEER, OLD, 1);
        presence.closed(PEER, OLD);
        assert_eq!(presence.nobody_listens(PEER, early), []);
    }

    #[test]
    fn reaching_another_life_ends_the_earlier_one() {
        let presence = Presence::default();
        presence.opened(PEER, OLD, 1);
        presence.closed(PEER, OLD);
        let start = presence.dial();
        presence.opened(PEER, NEW, 1);
        assert_eq!(presence.reached(PEER, NEW, start), [OLD]);
    }

    #[test]
    fn streams_of_an_earlier_life_that_look_open_are_cut_first() {
        let presence = Presence::default();
        let cut = presence.opened(PEER, OLD, 1).cut;
        let start = presence.dial();
        presence.opened(PEER, NEW, 1);
        assert_eq!(presence.reached(PEER, NEW, start), []);
        assert!(cut.is_cancelled());
        assert_eq!(presence.closed(PEER, OLD), Closed::Gone);
    }

    /// A dial reached the old life, and was slow to tell; the new one dialled in
    /// meanwhile and is well.
    #[test]
    fn a_late_answer_of_the_earlier_life_does_not_end_the_later_one() {
        let presence = Presence::default();
        let early = presence.dial();
        let cut = presence.opened(PEER, NEW, 1).cut;
        assert_eq!(presence.reached(PEER, OLD, early), []);
        assert!(!cut.is_cancelled());
        assert_eq!(presence.closed(PEER, NEW), Closed::Last);
    }

    #[test]
    fn lives_of_which_nothing_is_proved_do_not_pile_up() {
        let presence = Presence::default();
        for life in 0..100 {
            presence.opened(PEER, Incarnation(life), 1);
            presence.closed(PEER, Incarnation(life));
        }
        let gone = presence.nobody_listens(PEER, presence.dial());
        assert_eq!(gone.len(), MAX_LIVES);
        assert!(gone.contains(&Incarnation(99)));
    }

    #[test]
    fn streams_of_another_data_folder_are_cut() {
        let presence = Presence::default();
        let right = presence.opened(PEER, OLD, 1).cut;
        let wrong = presence.opened(PEER, NEW, 2).cut;
        presence.require_storage(PEER, 1);
        assert!(!right.is_cancelled());
        assert!(wrong.is_cancelled());
    }
}
