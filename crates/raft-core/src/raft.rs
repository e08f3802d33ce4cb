//! The entry point: one match arm an event, one call an arm.

use crate::config::Config;
use crate::effect::{Effect, Effects, Ignored, Refusal, Reply, RoleName};
use crate::election::{ElectionTimer, Transfer};
use crate::event::Event;
use crate::invariant::invariant;
use crate::log::{Log, RestoreError, Saved};
use crate::message::{Body, Message};
use crate::outbox::Outbox;
use crate::planted::planted;
use crate::raft_role::{Follower, Role};
use crate::state_machine_handler::{ApplyCursor, Snapshots};
use crate::timer::Jitter;
use crate::types::{Ballot, Incarnation, Index, NodeId, Term, Ticket, Time, WriteSeq};

/// One node's protocol state. A value: it can be cloned, compared and hashed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Raft {
    pub(crate) config: Config,
    /// The latest moment given.
    pub(crate) now: Time,
    /// Term and vote, perhaps not on the disk yet.
    pub(crate) ballot: Ballot,
    pub(crate) log: Log,
    pub(crate) commit: Index,
    pub(crate) apply: ApplyCursor,
    pub(crate) snapshots: Snapshots,
    pub(crate) role: Role,
    pub(crate) election: ElectionTimer,
    pub(crate) outbox: Outbox,
    pub(crate) transfer: Option<Transfer>,
    /// Names fetches, snapshot transfers and questions about reads.
    pub(crate) counter: u64,
    /// The caller was told to stop.
    pub(crate) stopping: bool,
}

impl Raft {
    /// Starts a node from what its disks hold, as a follower that has heard nothing.
    ///
    /// # Errors
    ///
    /// If a setting cannot work, or what was found contradicts itself: then
    /// something that was synced is lost, and the node must not take part.
    pub fn restore(config: Config, saved: Saved, now: Time) -> Result<Raft, RestoreError> {
        config.validate().map_err(RestoreError::Config)?;
        saved.check()?;
        let membership = saved.log.membership();
        let is_alone = membership.agrees(|id| id == config.id);
        let timeout = config.election_timeout;
        let mut jitter = Jitter::new(config.id, config.incarnation);
        let spread = jitter.draw(saved.ballot.term, timeout / 2);
        // Nobody else could lead: there is nothing to wait for.
        let deadline = if is_alone { now } else { now.after(timeout + spread) };
        let commit = saved.committed.min(saved.log.last().index).max(saved.applied);
        let follower = Follower {
            leader: None,
            contact: now,
            // What is committed is in every leader's log.
            verified: commit,
            reads: Default::default(),
        };
        let log = Log::restore(saved.log, saved.tail);
        #[cfg(feature = "planted-bugs")]
        let log = log.with(config.planted);
        Ok(Raft {
            now,
            ballot: saved.ballot,
            commit,
            apply: ApplyCursor::new(saved.applied),
            snapshots: Snapshots::new(saved.snapshot),
            role: Role::Follower(follower),
            election: ElectionTimer {
                deadline,
                jitter,
                gone: None,
                #[cfg(feature = "planted-bugs")]
                remembered: None,
            },
            outbox: Outbox::default(),
            transfer: None,
            counter: 0,
            stopping: false,
            log,
            config,
        })
    }

    /// Takes in one event and appends to `effects` what may be done now. Total:
    /// no input from other nodes makes it panic.
    ///
    /// `now` is the present moment; one that lies before an earlier one counts as
    /// that earlier one.
    ///
    /// # Panics
    ///
    /// If the caller breaks a promise (a write reported that was never issued) or
    /// an invariant of the protocol is broken; the message says which.
    pub fn step(&mut self, now: Time, event: Event, effects: &mut Effects) {
        self.now = self.now.max(now);
        let before = self.outline();
        match event {
            Event::Wakeup => self.on_wakeup(effects),
            Event::Message { incarnation, message } => {
                self.on_message(incarnation, message, effects);
            }
            Event::Propose(proposals) => self.on_propose(proposals, effects),
            Event::Read(ticket) => self.on_read(ticket, effects),
            Event::ChangeMembership { ticket, change } => {
                self.on_change_membership(ticket, &change, effects);
            }
            Event::TransferLeadership { ticket, to } => self.on_transfer(ticket, to, effects),
            Event::Persisted(seq) => self.on_persisted(seq, effects),
            Event::Applied(index) => self.on_applied(index),
            Event::Fetched { id, epoch, entries } => self.on_fetched(id, epoch, entries, effects),
            Event::SnapshotTaken(meta) => self.on_snapshot_taken(&meta, effects),
            Event::SnapshotFailed => self.on_snapshot_failed(),
            Event::SnapshotReceived { from, term, id, meta } => {
                self.on_snapshot_received(from, term, id, meta, effects);
            }
            Event::SnapshotSent { to, id, delivered } => {
                self.on_snapshot_sent(to, id, delivered, effects);
            }
            Event::PeerGone { peer, incarnation } => self.on_peer_gone(peer, incarnation, effects),
            Event::PeerUnreachable(peer) => self.on_peer_unreachable(peer),
        }
        self.settle(effects);
        self.announce(&before, effects);
        self.assert_invariants();
    }

    fn on_message(&mut self, incarnation: Incarnation, message: Message, fx: &mut Effects) {
        let Message { from, to, term, body } = message;
        if to != self.config.id || from == self.config.id || from == NodeId(0) {
            self.ignore(from, Ignored::Misdirected, fx);
            return;
        }
        if term > Term::LAST {
            self.ignore(from, Ignored::Malformed, fx);
            return;
        }
        // An answer to a pre-vote names the term that it is about; the voter's own
        // may well be older, for a question does not raise it.
        let may_be_old = matches!(body, Body::PreVoteReply { .. })
            || (planted!(self.config, OldAcknowledgement)
                && matches!(body, Body::AppendAccepted { .. }));
        if term < self.ballot.term && !may_be_old {
            self.answer_old_term(from, &body, fx);
            return;
        }
        if term > self.ballot.term && adopts_term(&body) {
            self.follow_term(term, fx);
        }
        if proves_contact(&body) {
            self.note_contact(from);
        }
        match body {
            Body::Append { prev, entries, commit } => {
                if self.recognise_leader(from, incarnation, fx) {
                    self.on_append(from, prev, entries, commit, fx);
                }
            }
            Body::Heartbeat { round, commit } => {
                if self.recognise_leader(from, incarnation, fx) {
                    self.on_heartbeat(from, round, commit, fx);
                }
            }
            Body::AppendAccepted { matched } => self.on_append_accepted(from, matched, fx),
            Body::AppendRejected { prev, hint } => self.on_append_rejected(from, prev, hint, fx),
            Body::HeartbeatAck { round, verified } => {
                self.on_heartbeat_ack(from, round, verified, fx);
            }
            Body::PreVote { next, last } => self.on_pre_vote(from, next, last, fx),
            Body::PreVoteReply { next, granted } => {
                self.on_pre_vote_reply(from, next, granted, fx);
            }
            Body::Vote { last, transfer } => self.on_vote(from, term, last, transfer, fx),
            Body::VoteReply { granted } => self.on_vote_reply(from, granted, fx),
            // The term itself was the news, and it has been adopted.
            Body::HigherTerm => {}
            Body::TimeoutNow => self.on_timeout_now(from, fx),
            Body::ReadIndex { id } => self.on_read_index(from, id, fx),
            Body::ReadIndexReply { id, index } => self.on_read_index_reply(from, id, index, fx),
            Body::SnapshotAck { id, matched } => self.on_snapshot_ack(from, id, matched, fx),
        }
    }

    /// Writes up to `seq` are durable: what waited for them goes out.
    fn on_persisted(&mut self, seq: WriteSeq, fx: &mut Effects) {
        if self.log.persisted(seq) {
            self.finish_install();
            self.release_held(fx);
            self.count_own_vote(fx);
        }
    }

    /// Everything that may follow from any event.
    fn settle(&mut self, fx: &mut Effects) {
        self.meet_peers_if_changed();
        self.advance_commit();
        self.act_on_committed_membership(fx);
        self.meet_peers_if_changed();
        self.confirm_reads(fx);
        self.begin_read_round(fx);
        self.ask_read_index(fx);
        self.replicate_to_all(fx);
        self.advance_transfer(fx);
        self.give_committed(fx);
        self.take_snapshot_if_due(fx);
        self.log.evict(self.apply.applied(), &self.config.limits);
    }

    /// A peer heard this leader and answered: the leader is not alone.
    fn note_contact(&mut self, from: NodeId) {
        let now = self.now;
        if let Some((_, peer)) = self.peer(from) {
            peer.contact = now;
        }
    }

    fn meet_peers_if_changed(&mut self) {
        if let Role::Leader(leader) = &self.role
            && leader.peers_version != self.log.membership_version()
        {
            self.meet_peers();
        }
    }

    /// Answers a request with a refusal.
    pub(crate) fn refuse(&mut self, ticket: Ticket, reason: Refusal, fx: &mut Effects) {
        let leader = self.known_leader();
        fx.push(Effect::Answer { ticket, reply: Reply::Refused { reason, leader } });
    }

    /// Puts an input aside, counted.
    pub(crate) fn ignore(&self, from: NodeId, reason: Ignored, fx: &mut Effects) {
        fx.push(Effect::Ignored { from: Some(from), reason });
    }

    fn outline(&self) -> Outline {
        Outline {
            role: self.role_name(),
            term: self.ballot.term,
            leader: self.known_leader(),
            membership_version: self.log.membership_version(),
        }
    }

    /// Tells the world what changed.
    fn announce(&self, before: &Outline, fx: &mut Effects) {
        let now = self.outline();
        if now.membership_version != before.membership_version {
            let summary = self.log.summary();
            fx.push(Effect::MembershipChanged {
                index: summary.membership_index(),
                membership: summary.membership().clone(),
            });
        }
        let Outline { role, term, leader, .. } = now;
        if (role, term, leader) != (before.role, before.term, before.leader) {
            fx.push(Effect::RoleChanged { role, term, leader });
        }
    }

    /// What must hold after every event, whatever happened.
    fn assert_invariants(&self) {
        let summary = self.log.summary();
        invariant!(summary.base().index <= self.commit, "what was purged is committed");
        invariant!(self.commit <= summary.last().index, "what is committed is in the log");
        invariant!(summary.last().term <= self.ballot.term, "the log is not ahead of the term");
        let durable = self.log.ledger().durable();
        invariant!(durable <= summary.last().index, "what is durable is in the log");
        invariant!(
            self.snapshots.newest >= summary.base().index || self.is_installing(),
            "what was purged is in a snapshot"
        );
        self.assert_cursor();
    }
}

/// What the world is told of when it changes.
struct Outline {
    role: RoleName,
    term: Term,
    leader: Option<NodeId>,
    membership_version: u64,
}

/// Whether a message of a higher term makes a node adopt that term before it is
/// looked at. Not a pre-vote, for it promises nothing; not a vote request, which
/// a loyal node refuses without adopting and others adopt together with the
/// vote; not a call to campaign, which only an acknowledged follower gets.
fn adopts_term(body: &Body) -> bool {
    !matches!(
        body,
        Body::PreVote { .. }
            | Body::PreVoteReply { granted: true, .. }
            | Body::Vote { .. }
            | Body::TimeoutNow
    )
}

/// Whether the sender must have heard the leader of this term to say so. A
/// request for votes proves the opposite: who counted it would stay in office
/// while nobody hears him.
fn proves_contact(body: &Body) -> bool {
    matches!(
        body,
        Body::AppendAccepted { .. }
            | Body::AppendRejected { .. }
            | Body::HeartbeatAck { .. }
            | Body::SnapshotAck { .. }
    )
}
