//! A forwarded write whose leader dies at any step of its way.
//!
//! The way of a write is cut into the turns of workers and the arrivals of frames. The
//! leader is killed before each of them in turn, and the write is followed to its end:
//! it takes place once at most, and does if it was acknowledged. It is asked for again
//! only where the answer says that it certainly was not done.

use std::time::Duration;

use balsa::driver::request::{CallId, RequestError};
use raft_core::{Limits, NodeId};

use crate::support::cluster::Cluster;

/// In how many orders the workers take their turns.
const ORDERS: u64 = 10;

/// More steps than a write's way has.
const MOST_STEPS: usize = 1000;

/// How often a client asks again.
const MOST_CALLS: usize = 20;

const TEXT: &str = "forwarded";

/// What becomes of the leader.
#[derive(Clone, Copy, Debug)]
struct End {
    /// What it has sent still arrives, as after `kill -9`; if not, nothing does, as after
    /// a loss of power.
    is_heard: bool,
    /// It is back before anybody takes its place.
    comes_back_at_once: bool,
}

const ENDS: [End; 4] = [
    End { is_heard: false, comes_back_at_once: false },
    End { is_heard: false, comes_back_at_once: true },
    End { is_heard: true, comes_back_at_once: false },
    End { is_heard: true, comes_back_at_once: true },
];

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Acknowledged,
    Unknown,
}

/// When a client asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// When the write was certainly not done.
    WhereSafe,
    /// When it may have been done, too.
    Always,
}

#[test]
fn a_forwarded_write_takes_place_once_at_most_wherever_its_leader_dies() {
    let (mut acknowledged, mut unknown, mut longest) = (0, 0, 0);
    for seed in 0..ORDERS {
        for end in ENDS {
            let ways = every_way(seed, end, Again::WhereSafe);
            for (steps, (outcome, times)) in ways.iter().enumerate() {
                let what = format!("seed {seed}, {end:?} after {steps} steps: {outcome:?}");
                assert!(*times <= 1, "{what}, and done {times} times");
                assert!(*times == 1 || *outcome == Outcome::Unknown, "{what}, and not done");
                match outcome {
                    Outcome::Acknowledged => acknowledged += 1,
                    Outcome::Unknown => unknown += 1,
                }
            }
            longest = longest.max(ways.len());
        }
    }
    println!("{acknowledged} acknowledged, {unknown} unknown; the longest way has {longest} steps");
    assert!(acknowledged > 0 && unknown > 0, "both happen");
}

/// The same with a client that asks again where it should not: the test above would see
/// that.
#[test]
fn a_client_that_always_asks_again_is_seen_to_write_twice() {
    let ways = ENDS.map(|end| every_way(0, end, Again::Always));
    assert!(ways.concat().iter().any(|(_, times)| *times > 1), "nothing is done twice");
}

/// What becomes of a write, and how often it takes place, if its leader dies before the
/// first step of its way, the second, and so on.
fn every_way(seed: u64, end: End, again: Again) -> Vec<(Outcome, usize)> {
    let ways: Vec<_> = (0..MOST_STEPS).map_while(|steps| follow(seed, steps, end, again)).collect();
    assert!((5..MOST_STEPS).contains(&ways.len()), "seed {seed}: {} steps", ways.len());
    ways
}

/// A write whose leader dies after so many steps; nothing if it was answered by then.
fn follow(seed: u64, steps: usize, end: End, again: Again) -> Option<(Outcome, usize)> {
    let mut cluster = Cluster::new(3, seed, Limits::default());
    let leader = cluster.leader();
    // Until all that a new leader does is done.
    cluster.run_for(Duration::from_secs(3));
    let asked = NodeId(1 + leader.0 % 3);
    let call = cluster.write(asked, TEXT);
    for _ in 0..steps {
        cluster.step();
        if cluster.answers.contains_key(&(asked, call)) {
            return None;
        }
    }
    if end.is_heard {
        cluster.hear_out(leader);
    }
    cluster.crash(leader);
    if end.comes_back_at_once {
        cluster.start(leader);
    }
    let outcome = insist(&mut cluster, asked, call, again);
    if !end.comes_back_at_once {
        cluster.leader();
        cluster.start(leader);
    }
    cluster.leader();
    // Whatever is still on its way arrives.
    cluster.run_for(Duration::from_secs(10));
    let times = [1, 2, 3].map(|id| {
        let texts = cluster.texts(NodeId(id));
        texts.iter().filter(|(_, text)| text == TEXT).count()
    });
    assert!(times.iter().all(|each| *each == times[0]), "the nodes differ: {times:?}");
    Some((outcome, times[0]))
}

/// Asks again for as long as the answer gives reason to.
fn insist(cluster: &mut Cluster, asked: NodeId, mut call: CallId, again: Again) -> Outcome {
    for _ in 0..MOST_CALLS {
        match cluster.answer(asked, call) {
            Ok(_) => return Outcome::Acknowledged,
            Err(RequestError::Unknown(_)) if again == Again::WhereSafe => return Outcome::Unknown,
            Err(_) => {
                cluster.run_for(Duration::from_millis(500));
                call = cluster.write(asked, TEXT);
            }
        }
    }
    panic!("{MOST_CALLS} times it was refused");
}
