//! Messages that wait for the disk.

use std::collections::VecDeque;

use crate::effect::{Effect, Effects};
use crate::message::{Body, Message};
use crate::raft::Raft;
use crate::types::{NodeId, WriteSeq};

/// Messages that assert what is not on the disk yet. Each waits for the last
/// write that was issued before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Outbox {
    held: VecDeque<(WriteSeq, Message)>,
}

impl Outbox {
    /// Drops everything: the term changed, and what the messages assert belongs
    /// to the old one.
    pub(crate) fn clear(&mut self) {
        self.held.clear();
    }

    /// Writes are numbered anew: the one that was `base` is 0.
    pub(crate) fn renumber(&mut self, base: WriteSeq) {
        self.held.iter_mut().for_each(|(after, _)| *after = after.after(base));
    }
}

impl Raft {
    /// Sends at once: the message asserts nothing about this node's disk.
    pub(crate) fn send(&mut self, to: NodeId, body: Body, fx: &mut Effects) {
        fx.push(Effect::Send(self.message(to, body)));
    }

    /// Sends once everything issued so far is on the disk.
    pub(crate) fn send_durable(&mut self, to: NodeId, body: Body, fx: &mut Effects) {
        let after = self.log.ledger().last_issued();
        if self.log.ledger().is_persisted(after) {
            self.send(to, body, fx);
        } else {
            let message = self.message(to, body);
            self.outbox.held.push_back((after, message));
        }
    }

    /// Sends what waited for writes that are on the disk now. Of acknowledgements
    /// that come free together only the last one goes, for it says all that the
    /// others say.
    pub(crate) fn release_held(&mut self, fx: &mut Effects) {
        while let Some((after, _)) = self.outbox.held.front() {
            if !self.log.ledger().is_persisted(*after) {
                return;
            }
            let Some((_, message)) = self.outbox.held.pop_front() else { return };
            let superseded = self.outbox.held.front().is_some_and(|(after, next)| {
                self.log.ledger().is_persisted(*after) && acknowledges_more(next, &message)
            });
            if !superseded {
                fx.push(Effect::Send(message));
            }
        }
    }

    fn message(&self, to: NodeId, body: Body) -> Message {
        assert_ne!(to, self.config.id, "a node sends itself no messages");
        Message { from: self.config.id, to, term: self.ballot.term, body }
    }
}

fn acknowledges_more(later: &Message, earlier: &Message) -> bool {
    match (&later.body, &earlier.body) {
        (Body::AppendAccepted { matched: more }, Body::AppendAccepted { matched }) => {
            later.to == earlier.to && later.term == earlier.term && more >= matched
        }
        _ => false,
    }
}
