//! The scenarios, each with bounds that keep it small.
//!
//! What a failure needs is little: two elections, one crash, one slow disk. The
//! scenarios split the space by what they need, so that each can be met whole.

use raft_core::Term;

use super::bounds::{Bounds, Budget, PerNode};
use super::opening::Move;
use super::opening::Move::{Beat, Break, Carry, Cut, Lose, Propose, Settle, Stand, Write};
use super::scenario::Scenario;

/// All of them.
pub fn all() -> Vec<Scenario> {
    vec![
        elections(),
        pre_votes(),
        ballots(),
        figure_8(),
        replication(),
        old_answers(),
        replaced_writes(),
        repeated_appends(),
        slow_follower(),
        membership(),
        fetches(),
        #[cfg(feature = "planted-bugs")]
        rash_fetches(),
        reads(),
        repeated_reads(),
        follower_reads(),
        handover(),
        reports(),
        snapshots(),
        broken_snapshots(),
    ]
}

/// The one of this name.
pub fn named(name: &str) -> Option<Scenario> {
    all().into_iter().find(|scenario| scenario.name == name)
}

fn terms_to(last: u64, budget: Budget) -> Bounds {
    Bounds { last_term: Term(last), budget, ..Bounds::default() }
}

fn elections() -> Scenario {
    let budget = Budget {
        stands: PerNode::of([1, 1]),
        crashes: PerNode::of([0, 0, 1]),
        ..Budget::default()
    };
    let about = "two stand at once or in turn, and a voter crashes";
    Scenario::new("elections", about, terms_to(2, budget)).with_old_letters()
}

fn pre_votes() -> Scenario {
    let budget =
        Budget { stands: PerNode::of([0, 2]), beats: PerNode::of([1]), ..Budget::default() };
    let about = "two elections at once, with pre-votes; a voter stands and steps down again";
    // Node 3 is a candidate of the first term; node 1 leads it by the vote of node 2.
    let opening = [
        [Stand(3), Stand(1), Carry(3, 2), Carry(1, 2)],
        [Carry(2, 3), Carry(2, 1), Carry(1, 2), Carry(2, 1)],
    ];
    Scenario::new("pre-votes", about, terms_to(2, budget))
        .with_pre_vote()
        .from(opening.as_flattened())
        .from(&[Cut(1, 3)])
}

fn ballots() -> Scenario {
    let budget =
        Budget { stands: PerNode::of([1, 0, 2]), crashes: PerNode::of([1]), ..Budget::default() };
    let about = "elections while a ballot is on its way to a slow disk, and a crash";
    let bounds = Bounds { slow_disks: PerNode::of([1]), ..terms_to(2, budget) };
    Scenario::new("ballots", about, bounds).with_old_letters()
}

fn figure_8() -> Scenario {
    let budget = Budget { stands: PerNode::of([1, 1]), ..Budget::default() };
    let about = "leaders in turn, each with an entry that the others lack";
    // Node 1 leads term 1 and node 2 term 2, and what they append stays with them.
    // Then node 1 hears of term 2.
    let opening = [
        [Stand(1), Carry(1, 3), Carry(3, 1), Lose],
        [Stand(2), Lose, Stand(2), Carry(2, 3)],
        [Carry(3, 2), Lose, Beat(1), Carry(1, 3)],
    ];
    Scenario::new("figure-8", about, terms_to(4, budget))
        .with_old_letters()
        .with_message_entries(1)
        .from(opening.as_flattened())
        .from(&[Carry(3, 1), Lose])
}

fn replication() -> Scenario {
    let budget = Budget {
        stands: PerNode::of([0, 1]),
        crashes: PerNode::of([1]),
        commands: 1,
        ..Budget::default()
    };
    let about = "a command at a leader that crashes, or at its successor";
    Scenario::new("replication", about, terms_to(2, budget))
        .with_old_letters()
        .from(&[Stand(1), Settle])
}

fn old_answers() -> Scenario {
    let budget = Budget {
        stands: PerNode::of([1]),
        crashes: PerNode::of([1]),
        commands: 1,
        ..Budget::default()
    };
    let about = "a leader loses entries in a crash while answers about them are on their way";
    let bounds = Bounds { slow_disks: PerNode::of([1]), ..terms_to(2, budget) };
    Scenario::new("old-answers", about, bounds).with_old_letters().from(&[Stand(1), Settle])
}

fn replaced_writes() -> Scenario {
    let budget = Budget {
        stands: PerNode::of([0, 1]),
        beats: PerNode::of([0, 1]),
        crashes: PerNode::of([1]),
        ..Budget::default()
    };
    let about = "entries that are replaced while they are on their way to a slow disk";
    let bounds = Bounds { slow_disks: PerNode::of([1, 0, 1]), ..terms_to(2, budget) };
    // Node 1 leads by the vote of node 2; its first entry is on its way to its own disk
    // and to that of node 3.
    let opening = [[Stand(1), Write(1), Carry(1, 2), Carry(2, 1)], [Carry(1, 3), Lose, Lose, Lose]];
    Scenario::new("replaced-writes", about, bounds).with_old_letters().from(opening.as_flattened())
}

fn repeated_appends() -> Scenario {
    let budget = Budget {
        stands: PerNode::of([0, 0, 1]),
        beats: PerNode::of([0, 0, 1]),
        crashes: PerNode::of([0, 1]),
        ..Budget::default()
    };
    let about = "appends of nothing new to a slow disk, and a crash";
    let bounds = Bounds { slow_disks: PerNode::of([0, 1]), ..terms_to(2, budget) };
    Scenario::new("repeated-appends", about, bounds).with_old_letters().from(&[Stand(1), Settle])
}

fn slow_follower() -> Scenario {
    let budget = Budget { crashes: PerNode::of([0, 1]), commands: 2, ..Budget::default() };
    let about = "what others have committed, at a follower with a slow disk";
    let slow = PerNode::of([0, 1]);
    let bounds = Bounds { slow_disks: slow, slow_states: slow, ..terms_to(1, budget) };
    Scenario::new("slow-follower", about, bounds).from(&[Stand(1), Settle])
}

fn membership() -> Scenario {
    let budget = Budget { stands: PerNode::of([1, 1]), changes: 1, ..Budget::default() };
    let about = "two of three voters go through a joint phase; one that has not applied it stands";
    let bounds = Bounds { slow_states: PerNode::of([0, 1]), ..terms_to(2, budget) };
    Scenario::new("membership", about, bounds).with_repeats().from(&[Stand(1), Settle])
}

fn fetches() -> Scenario {
    let budget = Budget { stands: PerNode::of([1, 1]), ..Budget::default() };
    let about = "old entries on their way from the disk, while the leader changes";
    let bounds = Bounds { slow_fetches: PerNode::of([1]), ..terms_to(3, budget) };
    // Node 3 lacks two entries of node 1; the first is committed, and out of memory.
    let opening = [
        [Stand(1), Settle, Propose(1), Settle, Propose(1), Carry(1, 2)],
        [Carry(2, 1), Lose, Break(1, 3), Beat(1), Carry(1, 3), Carry(3, 1)],
    ];
    Scenario::new("fetches", about, bounds)
        .with_small_cache()
        .from(opening.as_flattened())
        .from(&[Lose])
}

/// What is not committed never leaves the memory, so nobody fetches it, and what is
/// fetched is never replaced. Here it is fetched all the same, so that the checks of what
/// comes from the disk can be seen to hold by themselves.
#[cfg(feature = "planted-bugs")]
fn rash_fetches() -> Scenario {
    let budget = Budget { stands: PerNode::of([1, 1]), ..Budget::default() };
    let about = "entries on their way from the disk, while others take their place";
    let bounds = Bounds { slow_fetches: PerNode::of([1]), ..terms_to(3, budget) };
    // Node 1 has two entries that nobody else has, and node 3 wants them.
    let opening = [
        [Stand(1), Settle, Propose(1), Propose(1), Lose],
        [Break(1, 3), Beat(1), Carry(1, 3), Carry(3, 1), Lose],
    ];
    let scenario = Scenario::new("rash-fetches", about, bounds).from(opening.as_flattened());
    Scenario { fetches_durable: true, ..scenario }
}

/// Node 1 has committed a second entry, and node 2, which has it, does not know that yet.
/// There is no link between the two from now on: node 2 deposes node 1, which only node
/// 3 can tell it.
const APART: [Move; 6] = [Stand(1), Settle, Propose(1), Carry(1, 2), Carry(1, 3), Carry(3, 1)];

fn reads() -> Scenario {
    let budget = Budget {
        stands: PerNode::of([0, 1]),
        reads: PerNode::of([3, 2]),
        commands: 1,
        ..Budget::default()
    };
    let about = "reads at a leader that another one deposes, and at that other one";
    Scenario::new("reads", about, terms_to(2, budget)).without_link(1, 2).from(&APART)
}

fn repeated_reads() -> Scenario {
    let budget = Budget {
        stands: PerNode::of([0, 1]),
        beats: PerNode::of([1]),
        reads: PerNode::of([3, 1]),
        ..Budget::default()
    };
    let about = "reads at a leader that another one deposes, confirmed again and again";
    Scenario::new("repeated-reads", about, terms_to(2, budget))
        .with_repeats()
        .without_link(1, 2)
        .from(&APART)
}

/// A follower asks again when it has waited for long, so the time stands still here.
fn follower_reads() -> Scenario {
    let budget = Budget {
        stands: PerNode::of([0, 1]),
        reports: PerNode::of([0, 1, 1]),
        reads: PerNode::of([1, 0, 2]),
        ..Budget::default()
    };
    let about = "reads at a follower and at its leader, which is deposed on a false report";
    Scenario::new("follower-reads", about, terms_to(2, budget))
        .with_pre_vote()
        .with_loyalty()
        .without_link(1, 2)
        .from(&APART)
}

fn handover() -> Scenario {
    let budget = Budget {
        stands: PerNode::of([0, 0, 1]),
        transfers: PerNode::of([1, 1]),
        ..Budget::default()
    };
    let about = "leaders hand over while another node stands; what tells the heir may be late";
    Scenario::new("handover", about, terms_to(3, budget)).from(&[Stand(1), Settle])
}

fn reports() -> Scenario {
    let budget = Budget {
        stands: PerNode::of([0, 1, 1]),
        reports: PerNode::of([0, 1, 1]),
        crashes: PerNode::of([1]),
        ..Budget::default()
    };
    let about = "followers are told, rightly or not, that the leader's process is gone";
    Scenario::new("reports", about, terms_to(2, budget))
        .with_pre_vote()
        .with_loyalty()
        .from(&[Stand(1), Settle])
}

/// Node 3 has heard nothing of what nodes 1 and 2 have committed, and that is purged.
const BEHIND: [Move; 6] = [Stand(1), Carry(1, 2), Carry(2, 1), Carry(1, 2), Carry(2, 1), Cut(1, 3)];

fn snapshots() -> Scenario {
    let budget = Budget {
        stands: PerNode::of([0, 1]),
        beats: PerNode::of([1]),
        crashes: PerNode::of([0, 0, 1]),
        ..Budget::default()
    };
    let about = "two leaders send a snapshot to a follower with a slow disk, which crashes";
    let bounds = Bounds { slow_disks: PerNode::of([0, 0, 1]), ..terms_to(2, budget) };
    Scenario::new("snapshots", about, bounds).with_snapshots().from(&BEHIND)
}

fn broken_snapshots() -> Scenario {
    let budget = Budget {
        beats: PerNode::of([1]),
        breaks: PerNode::of([1]),
        commands: 1,
        ..Budget::default()
    };
    let about = "a leader sends a snapshot again, with more in it, when its stream breaks";
    let bounds = Bounds { slow_disks: PerNode::of([0, 0, 1]), ..terms_to(1, budget) };
    Scenario::new("broken-snapshots", about, bounds).with_snapshots().from(&BEHIND)
}
