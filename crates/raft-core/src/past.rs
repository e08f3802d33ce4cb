//! Forgetting when things happened, for whoever explores every order of events.
//!
//! A core is a value, and one that came to the same state by another way should be an
//! equal value. Two things stand in the way of that: the moments it remembers, and
//! the numbers of its writes, which only ever grow. Neither says what it will do
//! next, but for the order in time.

use crate::raft::Raft;
use crate::raft_role::Role;
use crate::replication::{Feed, Progress};
use crate::timer::Jitter;
use crate::types::{Time, WriteSeq};

impl Raft {
    /// Forgets the past: every moment that the node remembers becomes [`Time`] 0, and
    /// that is its present too; writes are numbered anew, so that number 1 is the first
    /// one that is not reported as persisted; the jitter of elections begins again.
    ///
    /// All that was to be done at some later moment is due now, at the next
    /// [`Event::Wakeup`](crate::Event::Wakeup). A step at a later `Time` after this is
    /// one after a silence of that length. Nothing else changes: terms, votes, logs,
    /// roles and all that was promised stay.
    ///
    /// For model checkers; a running node has no use for it.
    pub fn forget_past(&mut self) {
        let persisted = self.log.renumber_writes();
        self.outbox.renumber(persisted);
        self.apply.renumber(persisted);
        self.now = Time(0);
        self.election.deadline = Time(0);
        self.election.jitter = Jitter::new(self.config.id, self.config.incarnation);
        if let Some(gone) = &mut self.election.gone {
            gone.forget_time();
        }
        if let Some(transfer) = &mut self.transfer {
            transfer.deadline = Time(0);
        }
        match &mut self.role {
            Role::Follower(follower) => {
                follower.contact = Time(0);
                follower.reads.forget_time();
            }
            Role::PreCandidate(campaign) | Role::Candidate(campaign) => {
                campaign.ballot_written = campaign.ballot_written.after(persisted);
            }
            Role::Leader(leader) => {
                leader.heartbeat_at = Time(0);
                leader.peers.values_mut().for_each(forget_time_of);
            }
        }
    }
}

fn forget_time_of(peer: &mut Progress) {
    peer.contact = Time(0);
    peer.checked_at = Time(0);
    if let Feed::Snapshot { delivered_at: Some(at), .. } = &mut peer.feed {
        *at = Time(0);
    }
    // A farewell that ended with the next heartbeat would be none.
    if let Some(removal) = peer.removal.take() {
        peer.begin_removal(removal.index, Time(0));
        if let Some(begun) = &mut peer.removal {
            begun.told = removal.told;
        }
    }
}

impl WriteSeq {
    /// This number where `base` becomes 0; 0 for all up to that.
    pub(crate) fn after(self, base: WriteSeq) -> WriteSeq {
        WriteSeq(self.0.saturating_sub(base.0))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::config::Config;
    use crate::effect::{Effect, Effects};
    use crate::event::{Event, Proposal};
    use crate::log::{Saved, SnapshotMeta};
    use crate::membership::Membership;
    use crate::message::{Body, Message};
    use crate::types::{Incarnation, NodeId, Term, Ticket};

    fn fresh() -> Raft {
        let config = Config { pre_vote: false, ..Config::new(NodeId(1), Incarnation(1)) };
        let voters = Membership::of_voters([1, 2, 3].map(NodeId));
        let saved = Saved::bootstrap(SnapshotMeta::bootstrap(voters));
        Raft::restore(config, saved, Time(0)).expect("it starts")
    }

    fn step(raft: &mut Raft, now: u64, event: Event) -> Vec<Effect> {
        let mut effects = Effects::new();
        raft.step(Time(now), event, &mut effects);
        effects.drain().collect()
    }

    fn told(term: u64, body: Body) -> Event {
        let (from, to) = (NodeId(2), NodeId(1));
        let message = Message { from, to, term: Term(term), body };
        Event::Message { incarnation: Incarnation(1), message }
    }

    /// Stands for term 1 as often as it takes, wins, and takes two commands.
    fn leader(first: u64, pause: u64) -> Raft {
        let mut raft = fresh();
        let now = raft.next_wakeup().0 + first;
        step(&mut raft, now, Event::Wakeup);
        step(&mut raft, now + pause, Event::Persisted(WriteSeq(1)));
        step(&mut raft, now + 2 * pause, told(1, Body::VoteReply { granted: true }));
        let command = |n| Proposal { ticket: Ticket(n), format: 0, payload: Bytes::new() };
        step(&mut raft, now + 3 * pause, Event::Propose(vec![command(1), command(2)]));
        raft
    }

    #[test]
    fn the_same_events_at_other_times_come_to_the_same() {
        let (mut quick, mut slow) = (leader(0, 10), leader(70_000, 900));
        assert_ne!(quick, slow);
        quick.forget_past();
        slow.forget_past();
        assert_eq!(quick, slow);
        let heartbeat = |effect: &Effect| matches!(effect, Effect::Send(message) if matches!(message.body, Body::Heartbeat { .. }));
        let effects = step(&mut quick, 0, Event::Wakeup);
        assert_eq!(effects.iter().filter(|effect| heartbeat(effect)).count(), 2);
    }

    #[test]
    fn writes_in_flight_keep_their_order() {
        let mut raft = leader(0, 10);
        raft.forget_past();
        let effects = step(&mut raft, 0, Event::Persisted(WriteSeq(1)));
        assert_eq!(raft.status().durable.0, 1, "{effects:?}");
        raft.forget_past();
        step(&mut raft, 0, Event::Persisted(WriteSeq(1)));
        assert_eq!(raft.status().durable.0, 3);
        raft.forget_past();
        let effects = step(&mut raft, 0, told(2, Body::HigherTerm));
        let first =
            |effect: &Effect| matches!(effect, Effect::Persist(write) if write.seq == WriteSeq(1));
        assert!(effects.iter().any(first), "{effects:?}");
    }

    #[test]
    fn what_waits_for_a_write_goes_out_with_it() {
        let mut raft = fresh();
        step(&mut raft, 0, told(1, Body::HigherTerm));
        step(&mut raft, 0, Event::Persisted(WriteSeq(1)));
        let last = crate::types::Position::ZERO;
        step(&mut raft, 0, told(1, Body::Vote { last, transfer: false }));
        raft.forget_past();
        let effects = step(&mut raft, 0, Event::Persisted(WriteSeq(1)));
        let granted = |effect: &Effect| matches!(effect, Effect::Send(message) if message.body == Body::VoteReply { granted: true });
        assert!(effects.iter().any(granted), "{effects:?}");
    }
}
