//! Each property against a state that breaks it: a check that cannot fail proves
//! nothing.

use std::collections::BTreeSet;

use bytes::Bytes;
use raft_core::{
    Ballot, Body, Entry, EntryKind, Index, Membership, Message, NodeId, Position, Reply, RoleName,
    SnapshotMeta, Term, Ticket,
};

use super::memberships::always_meet;
use super::{Checker, Live, Verdict, View};
use crate::cluster::{LogView, State};

/// A node made up for a test: three voters, everything on the disk.
#[derive(Clone)]
struct Made {
    id: u64,
    boots: u64,
    live: Option<Live>,
    memory: LogView,
    disk: LogView,
    snapshot: SnapshotMeta,
    state: State,
}

fn membership() -> Membership {
    Membership::of_voters([1, 2, 3].map(NodeId))
}

fn entry(term: u64, index: u64, text: &'static str) -> Entry {
    let payload = Bytes::from_static(text.as_bytes());
    Entry { term: Term(term), index: Index(index), kind: EntryKind::COMMAND, format: 0, payload }
}

fn member(index: u64, membership: &Membership) -> Entry {
    let payload = membership.encode();
    let format = Membership::FORMAT;
    Entry { term: Term(1), index: Index(index), kind: EntryKind::MEMBERSHIP, format, payload }
}

/// A follower in `term` whose memory and disk hold `entries`.
fn node(id: u64, term: u64, entries: &[Entry]) -> Made {
    let mut log = LogView::new(SnapshotMeta::bootstrap(membership()));
    log.ballot.term = Term(term);
    log.entries = entries.to_vec();
    let membership = log.membership();
    let live = Live { role: RoleName::Follower, term: Term(term), commit: Index(0), membership };
    let snapshot = SnapshotMeta::bootstrap(self::membership());
    let (memory, disk) = (log.clone(), log);
    Made { id, boots: 1, live: Some(live), memory, disk, snapshot, state: State::default() }
}

impl Made {
    /// It leads, by its own vote.
    fn leads(mut self) -> Made {
        self.live.as_mut().expect("it is up").role = RoleName::Leader;
        let id = self.id;
        self.votes(id)
    }

    fn commits(mut self, index: u64) -> Made {
        self.live.as_mut().expect("it is up").commit = Index(index);
        self
    }

    fn votes(mut self, vote: u64) -> Made {
        self.disk.ballot.vote = Some(NodeId(vote));
        self
    }

    fn view(&self) -> View<'_> {
        View {
            id: NodeId(self.id),
            boots: self.boots,
            live: self.live.clone(),
            memory: &self.memory,
            disk: &self.disk,
            snapshot: &self.snapshot,
            state: &self.state,
        }
    }
}

fn look(checker: &mut Checker, nodes: &[Made]) -> Verdict {
    let views: Vec<View> = nodes.iter().map(Made::view).collect();
    checker.observe(&views)
}

/// The last of these moments breaks the property of this name; those before it are well.
#[track_caller]
fn breaks(name: &str, moments: &[&[Made]]) {
    let mut checker = Checker::default();
    let (last, before) = moments.split_last().expect("there is a moment");
    before.iter().for_each(|nodes| look(&mut checker, nodes).expect("nothing is broken yet"));
    let what = look(&mut checker, last).expect_err("the property is broken");
    assert!(what.starts_with(name), "it says {what:?}");
}

#[test]
fn two_leaders_in_one_term() {
    breaks("election safety", &[&[node(1, 2, &[]).leads()], &[node(2, 2, &[]).leads()]]);
}

#[test]
fn a_leader_whose_own_vote_is_not_on_its_disk() {
    let mut early = node(1, 2, &[]).leads();
    early.disk.ballot = Ballot { term: Term(1), vote: Some(NodeId(1)) };
    breaks("leader's ballot", &[&[early]]);
}

#[test]
fn two_votes_in_one_term() {
    breaks("double vote", &[&[node(1, 2, &[]).votes(1)], &[node(1, 2, &[]).votes(3)]]);
}

#[test]
fn a_term_that_goes_back_on_the_disk() {
    breaks("terms grow", &[&[node(1, 3, &[])], &[node(1, 2, &[])]]);
}

#[test]
fn a_term_that_is_behind_the_disk() {
    let mut behind = node(1, 3, &[]);
    behind.live.as_mut().expect("it is up").term = Term(2);
    breaks("terms grow", &[&[behind]]);
}

#[test]
fn two_entries_at_one_position() {
    breaks("log matching", &[&[node(1, 1, &[entry(1, 1, "a")]), node(2, 1, &[entry(1, 1, "b")])]]);
}

#[test]
fn two_pasts_of_one_position() {
    let one = node(1, 2, &[entry(1, 1, "a"), entry(2, 2, "c")]);
    let mut other = node(2, 2, &[entry(2, 1, "b"), entry(2, 2, "c")]);
    other.live = None;
    breaks("log matching", &[&[one, other]]);
}

#[test]
fn a_leader_that_loses_an_entry() {
    let before = node(1, 2, &[entry(1, 1, "a"), entry(2, 2, "b")]).leads();
    let after = node(1, 2, &[entry(1, 1, "a")]).leads();
    breaks("leader append-only", &[&[before], &[after]]);
}

#[test]
fn a_leader_without_a_committed_entry() {
    let log = [entry(1, 1, "a")];
    let first = [node(1, 1, &log).leads().commits(1), node(2, 1, &log)];
    let second = [node(3, 2, &[]).leads()];
    breaks("leader completeness", &[&first, &second]);
}

#[test]
fn a_leader_that_is_deposed_needs_not_what_was_committed_later() {
    let mut checker = Checker::default();
    let log = [entry(2, 1, "a")];
    let later = [node(2, 2, &log).leads().commits(1), node(3, 2, &log), node(1, 1, &[]).leads()];
    look(&mut checker, &later).expect("an old leader may be behind");
}

#[test]
fn a_commit_index_that_goes_back() {
    let log = [entry(1, 1, "a")];
    let other = node(2, 1, &log);
    let before = [node(1, 1, &log).leads().commits(1), other.clone()];
    breaks("commit monotonic", &[&before, &[node(1, 1, &log).leads(), other]]);
}

#[test]
fn another_entry_committed_at_an_index() {
    let one = [entry(1, 1, "a")];
    let other = [entry(2, 1, "b")];
    let first = [node(1, 1, &one).leads().commits(1), node(2, 1, &one)];
    let second = [node(2, 2, &other).commits(1), node(3, 2, &other)];
    breaks("commit: n2 commits 1@2, but 1@1", &[&first, &second]);
}

#[test]
fn a_commit_beyond_the_log() {
    breaks("commit: n1 commits 1 without", &[&[node(1, 1, &[]).leads().commits(1)]]);
}

#[test]
fn a_commit_that_one_disk_has() {
    let log = [entry(1, 1, "a")];
    let mut unsynced = node(2, 1, &log);
    unsynced.disk.entries.clear();
    breaks("durable commit", &[&[node(1, 1, &log).leads().commits(1), unsynced]]);
}

#[test]
fn a_commit_that_half_of_a_joint_membership_has() {
    let joint = Membership {
        outgoing: BTreeSet::from([1, 2, 3].map(NodeId)),
        voters: BTreeSet::from([1, 4, 5].map(NodeId)),
        ..Membership::of_voters([1, 2, 3, 4, 5].map(NodeId))
    };
    let log = [member(1, &joint)];
    let nodes = [node(1, 1, &log).leads().commits(1), node(4, 1, &log), node(5, 1, &log)];
    breaks("durable commit", &[&nodes]);
}

#[test]
fn a_state_that_nobody_committed() {
    let mut eager = node(1, 1, &[entry(1, 1, "a")]);
    eager.state.applied.push(entry(1, 1, "a"));
    breaks("state machine safety", &[&[eager]]);
}

#[test]
fn a_state_with_a_gap() {
    let log = [entry(1, 1, "a"), entry(1, 2, "b")];
    let mut jumps = node(1, 1, &log).leads().commits(2);
    jumps.state.applied.push(entry(1, 2, "b"));
    breaks("state machine safety", &[&[jumps, node(2, 1, &log)]]);
}

#[test]
fn a_state_ahead_of_its_log() {
    let log = [entry(1, 1, "a")];
    let mut lost = node(3, 1, &log);
    lost.disk.entries.clear();
    lost.state.applied.push(entry(1, 1, "a"));
    let rest = [node(1, 1, &log).leads().commits(1), node(2, 1, &log)];
    breaks("state behind log", &[&[rest[0].clone(), rest[1].clone(), lost]]);
}

#[test]
fn memberships_with_disjoint_majorities() {
    let five = Membership::of_voters([1, 2, 3, 4, 5].map(NodeId));
    breaks("configuration", &[&[node(1, 1, &[member(1, &five)])]]);
    assert!(!always_meet(&membership(), &five));
    let four = Membership::of_voters([1, 2, 3, 4].map(NodeId));
    assert!(always_meet(&membership(), &four));
}

#[test]
fn a_membership_that_is_not_the_logs() {
    let mut stale = node(1, 1, &[member(1, &Membership::of_voters([1, 2].map(NodeId)))]);
    stale.live.as_mut().expect("it is up").membership = membership();
    breaks("configuration: n1 is not led", &[&[stale]]);
}

#[test]
fn two_open_changes_of_one_leader() {
    let four = Membership::of_voters([1, 2, 3, 4].map(NodeId));
    let five = Membership::of_voters([1, 2, 3, 4, 5].map(NodeId));
    let log = [member(1, &four), member(2, &five)];
    breaks("configuration: n1 has 2", &[&[node(1, 1, &log).leads()]]);
}

#[test]
fn a_new_leader_that_does_not_know_what_is_committed() {
    let four = Membership::of_voters([1, 2, 3, 4].map(NodeId));
    let five = Membership::of_voters([1, 2, 3, 4, 5].map(NodeId));
    let (one, both) = ([member(1, &four)], [member(1, &four), member(2, &five)]);
    let mut checker = Checker::default();
    let old = [node(1, 1, &one).leads().commits(1), node(2, 1, &one), node(3, 1, &one)];
    look(&mut checker, &old).expect("the first change is committed");
    let new = [node(1, 1, &both).commits(1), node(2, 2, &both).leads(), node(3, 1, &one)];
    look(&mut checker, &new).expect("one is open, whatever the new leader knows");
}

#[test]
fn a_snapshot_with_another_membership() {
    let log = [entry(1, 1, "a")];
    let mut wrong = node(2, 1, &log);
    wrong.snapshot =
        SnapshotMeta { position: Position::new(1, 1), membership: Membership::default() };
    breaks("snapshot's membership", &[&[node(1, 1, &log).leads().commits(1), wrong]]);
}

#[test]
fn a_log_that_began_blank_needs_no_membership() {
    let log = [entry(1, 1, "a")];
    let mut joined = node(2, 1, &log);
    let base = SnapshotMeta { position: Position::new(1, 1), membership: Membership::default() };
    (joined.disk, joined.memory) = (LogView::new(base.clone()), LogView::new(base));
    (joined.disk.ballot.term, joined.live) = (Term(1), None);
    let mut checker = Checker::default();
    let third = node(3, 1, &log);
    look(&mut checker, &[node(1, 1, &log).leads().commits(1), third, joined]).expect("it is well");
}

#[track_caller]
fn refuses(name: &str, sender: &Made, leader: Option<Made>, term: u64, body: Body) {
    let mut checker = Checker::default();
    leader.iter().for_each(|leader| {
        look(&mut checker, std::slice::from_ref(leader)).expect("the leader is well");
    });
    let message = Message { from: NodeId(sender.id), to: NodeId(3), term: Term(term), body };
    let what = checker.sends(&sender.view(), &message).expect_err("the message is a lie");
    assert!(what.starts_with(name), "it says {what:?}");
}

#[test]
fn an_acknowledgement_ahead_of_the_disk() {
    let sender = node(2, 1, &[entry(1, 1, "a")]);
    let body = Body::AppendAccepted { matched: Index(2) };
    refuses("acknowledgement", &sender, None, 1, body);
}

#[test]
fn an_acknowledgement_in_a_term_that_is_not_on_the_disk() {
    let sender = node(2, 1, &[entry(1, 1, "a")]);
    let body = Body::AppendAccepted { matched: Index(1) };
    refuses("acknowledgement", &sender, None, 2, body);
}

#[test]
fn an_acknowledgement_of_what_the_leader_has_not() {
    let sender = node(2, 2, &[entry(1, 1, "a"), entry(1, 2, "b")]);
    let leader = node(3, 2, &[entry(1, 1, "a")]).leads();
    let body = Body::AppendAccepted { matched: Index(2) };
    refuses("acknowledgement", &sender, Some(leader), 2, body);
}

#[test]
fn a_vote_that_is_not_on_the_disk() {
    refuses("ballot", &node(2, 1, &[]), None, 1, Body::VoteReply { granted: true });
}

#[test]
fn a_candidate_without_its_own_vote_on_the_disk() {
    let body = Body::Vote { last: Position::ZERO, transfer: false };
    refuses("ballot", &node(2, 1, &[]), None, 1, body);
}

#[test]
fn a_vote_told_to_two() {
    let mut checker = Checker::default();
    let granted = |to| Message {
        from: NodeId(2),
        to: NodeId(to),
        term: Term(1),
        body: Body::VoteReply { granted: true },
    };
    let first = node(2, 1, &[]).votes(1);
    checker.sends(&first.view(), &granted(1)).expect("the vote is on the disk");
    let second = node(2, 1, &[]).votes(3);
    let what = checker.sends(&second.view(), &granted(3)).expect_err("a second vote");
    assert!(what.starts_with("double vote"), "it says {what:?}");
}

#[test]
fn an_append_of_what_the_sender_has_not() {
    let body =
        Body::Append { prev: Position::ZERO, entries: vec![entry(1, 1, "a")], commit: Index(0) };
    refuses("append", &node(2, 1, &[]), None, 1, body);
}

#[test]
fn a_read_that_misses_what_was_committed() {
    let log = [entry(1, 1, "a")];
    let mut checker = Checker::default();
    look(&mut checker, &[node(1, 1, &log).leads().commits(1), node(2, 1, &log)]).expect("well");
    checker.read_begins(Ticket(7));
    checker.read_begins(Ticket(8));
    checker.answer(Ticket(7), &Reply::ReadAt(Index(1))).expect("it sees entry 1");
    let what = checker.answer(Ticket(8), &Reply::ReadAt(Index(0))).expect_err("stale");
    assert!(what.starts_with("stale read"), "it says {what:?}");
    assert!(checker.is_answered(Ticket(7)) && !checker.is_answered(Ticket(9)));
}

#[test]
fn a_request_that_is_answered_twice() {
    let mut checker = Checker::default();
    checker.answer(Ticket(1), &Reply::ReadAt(Index(1))).expect("the first answer");
    let what = checker.answer(Ticket(1), &Reply::ReadAt(Index(1))).expect_err("the second");
    assert!(what.starts_with("answered twice"), "it says {what:?}");
}

#[test]
fn a_ballot_shows_in_a_verdict() {
    let ballot = Ballot { term: Term(1), vote: Some(NodeId(2)) };
    let mut checker = Checker::default();
    checker.one_vote(NodeId(1), ballot).expect("the first vote");
    let other = Ballot { vote: Some(NodeId(3)), ..ballot };
    assert_eq!(
        checker.one_vote(NodeId(1), other),
        Err("double vote: n1 for n2 and n3 in term 1".to_owned())
    );
}
