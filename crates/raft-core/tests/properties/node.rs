//! A whole node under random events: its peers are broken and say anything, its
//! own caller keeps its promises. It never panics, and the same events give the same
//! bytes.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use raft_core::{
    Body, Change, Config, Effect, Effects, Entry, EntryKind, Event, Incarnation, Index, Leave,
    LogSummary, Membership, Message, NodeId, Position, Proposal, Raft, ReadId, Round, Saved,
    SnapshotMeta, Step, Term, Ticket, Time, TransferId, Write, WriteOp, WriteSeq,
};

use super::cases;

/// Raw numbers for one event; what they mean depends on the node's state, so that
/// events are often close to what a node in that state would get.
type Dice = [u64; 8];

fn dice() -> impl Strategy<Value = Dice> {
    prop::array::uniform8(prop_oneof![
        20 => 0_u64..64,
        1 => any::<u64>(),
        1 => Just(u64::MAX),
    ])
}

/// The node, and a caller that keeps its promises.
struct Bench {
    raft: Raft,
    config: Config,
    now: Time,
    effects: Effects,
    /// What the disk has.
    saved: Saved,
    entries: Vec<Entry>,
    membership_at_applied: SnapshotMeta,
    writes: VecDeque<Write>,
    batches: VecDeque<Index>,
    fetches: VecDeque<(u64, u64, Index, Index)>,
    snapshot_wanted: bool,
    transfers: Vec<(NodeId, TransferId)>,
    trace: Vec<String>,
}

impl Bench {
    fn new(voters: u64, pre_vote: bool) -> Bench {
        let mut config = Config::new(NodeId(1), Incarnation(7));
        config.pre_vote = pre_vote;
        // Some runs purge early, some keep enough to read it back from the disk.
        let keeps = (voters + u64::from(pre_vote)).is_multiple_of(2);
        let limits = &mut config.limits;
        limits.message_entries = 2;
        limits.message_bytes = 80;
        limits.inflight_messages = 2;
        limits.uncommitted_bytes = 400;
        limits.unapplied_bytes = 100;
        limits.cached_entries = 0;
        limits.waiting_reads = 3;
        limits.snapshot_entries = if keeps { 5 } else { 2 };
        limits.trailing_entries = u64::from(keeps) * 4;
        limits.snapshot_tail_entries = 3;
        let meta = SnapshotMeta::bootstrap(Membership::of_voters((1..=voters).map(NodeId)));
        let saved = Saved::bootstrap(meta.clone());
        let raft = Raft::restore(config.clone(), saved.clone(), Time(0)).expect("a new node");
        Bench {
            raft,
            config,
            now: Time(0),
            effects: Effects::new(),
            saved,
            entries: Vec::new(),
            membership_at_applied: meta,
            writes: VecDeque::new(),
            batches: VecDeque::new(),
            fetches: VecDeque::new(),
            snapshot_wanted: false,
            transfers: Vec::new(),
            trace: Vec::new(),
        }
    }

    fn step(&mut self, event: Event) {
        self.trace.push(event.to_string());
        self.raft.step(self.now, event, &mut self.effects);
        let effects: Vec<Effect> = self.effects.drain().collect();
        for effect in effects {
            self.trace.push(format!("{effect:?}"));
            self.take(effect);
        }
    }

    fn take(&mut self, effect: Effect) {
        match effect {
            Effect::Persist(write) => self.writes.push_back(write),
            Effect::Apply(entries) => {
                self.batches.push_back(entries.last().expect("batches are not empty").index);
            }
            Effect::Fetch { id, epoch, first, last, .. } => {
                self.fetches.push_back((id, epoch, first, last));
            }
            Effect::TakeSnapshot => self.snapshot_wanted = true,
            Effect::SendSnapshot { to, id, .. } => self.transfers.push((to, id)),
            Effect::Send(_)
            | Effect::DiscardSnapshot { .. }
            | Effect::Answer { .. }
            | Effect::RoleChanged { .. }
            | Effect::MembershipChanged { .. }
            | Effect::Probe(_)
            | Effect::Ignored { .. }
            | Effect::Stop(_) => {}
        }
    }

    /// One write reaches the disk.
    fn persist(&mut self) -> Option<WriteSeq> {
        let write = self.writes.pop_front()?;
        let log = &mut self.saved.log;
        match write.op {
            WriteOp::Ballot(ballot) => self.saved.ballot = ballot,
            WriteOp::Append(entries) => {
                for entry in entries {
                    log.append(&entry).expect("a core writes no broken log");
                    self.entries.retain(|old| old.index < entry.index);
                    self.entries.push(entry);
                }
            }
            WriteOp::Purge(meta) => {
                log.purge(meta.position.index);
                self.entries.retain(|old| old.index > meta.position.index);
            }
            WriteOp::Install { meta, .. } => {
                *log = LogSummary::new(meta.clone());
                self.entries.clear();
                self.batches.clear();
                self.saved.applied = meta.position.index;
                self.saved.snapshot = meta.position.index;
                self.membership_at_applied = meta;
            }
        }
        Some(write.seq)
    }

    fn apply(&mut self) -> Option<Index> {
        let index = self.batches.pop_front()?;
        self.saved.applied = index;
        self.membership_at_applied = self.saved.log.meta_at(index).expect("durable before");
        Some(index)
    }

    /// The process dies and starts again; what is on the disk is there.
    fn restart(&mut self) {
        self.writes.clear();
        self.batches.clear();
        self.fetches.clear();
        self.transfers.clear();
        self.snapshot_wanted = false;
        self.config.incarnation.0 += 1;
        let applied = self.saved.applied;
        self.saved.tail =
            self.entries.iter().filter(|entry| entry.index > applied).cloned().collect();
        self.raft = Raft::restore(self.config.clone(), self.saved.clone(), self.now)
            .expect("what was written can be read");
    }

    /// Makes one event of the dice.
    fn roll(&mut self, dice: Dice) {
        let [kind, a, b, ..] = dice;
        match kind % 24 {
            0 => {
                self.now = self.now.after(Duration::from_millis(a % 1500));
                self.step(Event::Wakeup);
            }
            1 | 2 => {
                self.now = self.now.max(self.raft.next_wakeup().min(Time(u64::MAX / 4)));
                self.step(Event::Wakeup);
            }
            3..=6 => {
                if let Some(seq) = self.persist() {
                    self.step(Event::Persisted(seq));
                }
            }
            7 | 8 => {
                if let Some(index) = self.apply() {
                    self.step(Event::Applied(index));
                }
            }
            9 => {
                let payload = |i| Bytes::from(vec![b'p'; (i * (a % 50)) as usize]);
                let one = |i| Proposal { ticket: Ticket(i), format: 0, payload: payload(i) };
                self.step(Event::Propose((0..1 + b % 3).map(one).collect()));
            }
            10 => self.step(Event::Read(Ticket(a))),
            11 => {
                let change = change(dice);
                self.step(Event::ChangeMembership { ticket: Ticket(a), change });
            }
            12 => {
                let to = Some(NodeId(b % 5)).filter(|to| to.0 > 0);
                self.step(Event::TransferLeadership { ticket: Ticket(a), to });
            }
            13 => self.answer_fetch(a),
            14 => self.finish_snapshot(a),
            15 => {
                let event = self.snapshot_event(dice);
                self.step(event);
            }
            16 => {
                let incarnation = Incarnation(b % 3);
                self.step(Event::PeerGone { peer: NodeId(a % 5), incarnation });
            }
            17 => self.step(Event::PeerUnreachable(NodeId(a % 5))),
            18 if a % 4 == 0 => self.restart(),
            _ => {
                let event = self.message(dice);
                self.step(event);
            }
        }
    }

    fn answer_fetch(&mut self, dice: u64) {
        let Some((id, epoch, first, last)) = self.fetches.pop_front() else { return };
        let wanted = self.entries.iter().filter(|e| e.index >= first && e.index <= last);
        let found: Vec<Entry> = wanted.take(1 + (dice % 2) as usize).cloned().collect();
        let whole =
            found.first().is_some_and(|entry| entry.index == first) && !dice.is_multiple_of(5);
        self.step(Event::Fetched { id, epoch, entries: Some(found).filter(|_| whole) });
    }

    fn finish_snapshot(&mut self, dice: u64) {
        if let Some((to, id)) = self.transfers.pop() {
            self.step(Event::SnapshotSent { to, id, delivered: dice.is_multiple_of(2) });
        }
        if std::mem::take(&mut self.snapshot_wanted) {
            if dice.is_multiple_of(4) {
                self.step(Event::SnapshotFailed);
            } else {
                let meta = self.membership_at_applied.clone();
                self.saved.snapshot = self.saved.snapshot.max(meta.position.index);
                self.step(Event::SnapshotTaken(meta));
            }
        }
    }

    /// A number near `center`, or anything.
    fn near(center: u64, dice: u64) -> u64 {
        if dice < 64 { center.saturating_add(dice % 5).saturating_sub(2) } else { dice }
    }

    fn position(&self, a: u64, b: u64) -> Position {
        let status = self.raft.status();
        if a < 24 {
            return status.last;
        }
        Position::new(Bench::near(status.last.term.0, b), Bench::near(status.last.index.0, a))
    }

    fn snapshot_event(&self, [_, a, b, c, d, e, ..]: Dice) -> Event {
        let status = self.raft.status();
        let membership = Membership::of_voters((1..=1 + e % 4).map(NodeId));
        Event::SnapshotReceived {
            from: NodeId(a % 5),
            term: Term(Bench::near(status.ballot.term.0, b)),
            id: TransferId { incarnation: Incarnation(1), counter: a },
            meta: SnapshotMeta { position: self.position(c.saturating_add(24), d), membership },
        }
    }

    fn message(&self, dice: Dice) -> Event {
        let [_, a, b, c, d, e, f, g] = dice;
        let status = self.raft.status();
        let index = |dice| Index(Bench::near(status.last.index.0, dice));
        let body = match a % 16 {
            0..=2 => {
                let prev = self.position(b, c);
                Body::Append { prev, entries: entries(prev, d, e, f), commit: index(g) }
            }
            3 => Body::AppendAccepted { matched: index(b) },
            4 => {
                // Sometimes far behind: the sender has nothing.
                let hint = if c % 2 == 0 { Position::ZERO } else { self.position(c, d) };
                Body::AppendRejected { prev: index(b), hint }
            }
            5 => Body::Heartbeat { round: Round(b), commit: index(c) },
            6 => Body::HeartbeatAck { round: Round(b % 8), verified: index(c) },
            7 => Body::PreVote { next: Term(b), last: self.position(c, d) },
            8 => {
                let next = Term(status.ballot.term.0.saturating_add(1 + (b / 40).min(9)));
                Body::PreVoteReply { next, granted: c % 3 != 0 }
            }
            9 => Body::Vote { last: self.position(b, c), transfer: d % 2 == 0 },
            10 | 11 => Body::VoteReply { granted: b % 4 != 0 },
            12 => Body::HigherTerm,
            13 => Body::TimeoutNow,
            14 => {
                let id = ReadId { node: NodeId(b % 4), incarnation: Incarnation(7), counter: c };
                if d % 2 == 0 {
                    Body::ReadIndex { id }
                } else {
                    Body::ReadIndexReply { id, index: Some(index(e)) }
                }
            }
            _ => {
                let id = TransferId { incarnation: Incarnation(7), counter: b % 8 };
                Body::SnapshotAck { id, matched: index(c) }
            }
        };
        let term =
            if g % 16 == 0 { Bench::near(status.ballot.term.0, f) } else { status.ballot.term.0 };
        let from = NodeId(e % 6);
        let to = NodeId(if d == 63 { 2 } else { 1 });
        let message = Message { from, to, term: Term(term), body };
        Event::Message { incarnation: Incarnation(f % 3), message }
    }
}

/// Entries behind `prev`; sometimes broken.
fn entries(prev: Position, count: u64, dice: u64, sort: u64) -> Vec<Entry> {
    let mut entries = Vec::new();
    for i in 0..count % 4 {
        let gap = u64::from(dice == 1);
        let index = prev.index.0.saturating_add(1 + i + gap);
        let term = if dice == 2 { prev.term.0 / 2 } else { prev.term.0.saturating_add(dice / 32) };
        let (kind, format, payload) = match sort % 16 {
            0 => (EntryKind(9), 0, Bytes::new()),
            1 => (EntryKind::MEMBERSHIP, Membership::FORMAT, Bytes::from_static(b"garbage")),
            2 => {
                let mut membership = Membership::of_voters([2, 3].map(NodeId));
                membership.removed.insert(NodeId(1));
                (EntryKind::MEMBERSHIP, Membership::FORMAT, membership.encode())
            }
            3 => {
                let membership = Membership::of_voters((1..=1 + sort / 16 % 8).map(NodeId));
                (EntryKind::MEMBERSHIP, Membership::FORMAT, membership.encode())
            }
            4 => (EntryKind::MEMBERSHIP, Membership::FORMAT, Membership::default().encode()),
            _ => (EntryKind::COMMAND, 0, Bytes::from_static(b"command")),
        };
        entries.push(Entry { term: Term(term), index: Index(index), kind, format, payload });
    }
    entries
}

fn change([_, a, b, c, d, ..]: Dice) -> Change {
    if a % 8 == 0 {
        return Change::LeaveJoint;
    }
    let step = |dice: u64| {
        let id = NodeId(dice / 6 % 6);
        match dice % 6 {
            0 => Step::AddVoter { id, context: Bytes::new() },
            1 => Step::AddLearner { id, context: Bytes::new() },
            2 => Step::Promote(id),
            3 => Step::Demote(id),
            4 => Step::Remove(id),
            _ => Step::SetStorage { id, storage_id: dice },
        }
    };
    let leave = if d % 2 == 0 { Leave::Auto } else { Leave::Explicit };
    Change::Steps { steps: [b, c].map(step).to_vec(), leave }
}

fn run(voters: u64, pre_vote: bool, rolls: &[Dice]) -> Bench {
    let mut bench = Bench::new(voters, pre_vote);
    rolls.iter().for_each(|dice| bench.roll(*dice));
    bench
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn broken_peers_never_make_it_panic(
        voters in 1_u64..5, pre_vote in any::<bool>(), rolls in vec(dice(), 0..150),
    ) {
        run(voters, pre_vote, &rolls);
    }

    #[test]
    fn equal_events_give_equal_bytes(
        voters in 1_u64..5, pre_vote in any::<bool>(), rolls in vec(dice(), 0..60),
    ) {
        let (one, other) = (run(voters, pre_vote, &rolls), run(voters, pre_vote, &rolls));
        prop_assert_eq!(one.trace, other.trace);
        prop_assert_eq!(format!("{:?}", &one.raft), format!("{:?}", &other.raft));
        prop_assert!(one.raft == other.raft);
    }
}

/// Entries up to 3 of term 0 from a leader, then its snapshot of another entry 1,
/// then its heartbeat: what was verified against it was not in the log any more.
#[test]
fn a_leader_that_contradicts_itself_by_a_snapshot_is_refused() {
    let bench = run(
        1,
        false,
        &[
            [24, 0, 0, 0, 0, 0, 0, 0],
            [18, 49, 0, 0, 59, 56, 2, 5],
            [u64::MAX, 12, 2, 26, 0, 0, 0, 0],
            [18, 37, 0, 58, 0, 2, 0, 1],
        ],
    );
    assert!(bench.trace.iter().any(|line| line.contains("Malformed")), "{:?}", bench.trace);
}

/// Events that lead nowhere prove nothing: sooner or later each kind of effect
/// and each role is seen.
#[test]
fn the_dice_reach_everything() {
    let mut missing = vec![
        "Persist(Write",
        "op: Ballot",
        "op: Append",
        "op: Purge",
        "op: Install",
        "Apply(",
        "Fetch {",
        "SendSnapshot",
        "TakeSnapshot",
        "DiscardSnapshot",
        "Accepted(",
        "ReadAt(",
        "Refused",
        "MembershipChanged",
        "Probe(",
        "Stop(Removed",
        "Stop(UnknownEntry",
        "role: Leader",
        "role: Candidate",
        "role: PreCandidate",
        "role: Learner",
        "role: Follower",
        "Malformed",
        "SecondLeader",
        "LeaderIsWell",
        "OldTerm",
        "Misdirected",
        "WrongRole",
        "Stale",
        "AppendRejected {",
        "HeartbeatAck {",
        "PreVoteReply {",
        "SnapshotAck {",
        "TimeoutNow",
        "HigherTerm",
        "ReadIndex {",
        "ReadIndexReply {",
    ];
    let mut runner = TestRunner::deterministic();
    let rolls = vec(dice(), 140..150);
    for i in 0..3_000 {
        let rolls = rolls.new_tree(&mut runner).expect("dice can be rolled").current();
        let seen = run(1 + i % 4, i % 8 < 4, &rolls).trace.join("\n");
        missing.retain(|what| !seen.contains(what));
        if missing.is_empty() {
            return;
        }
    }
    panic!("never seen: {missing:?}");
}
