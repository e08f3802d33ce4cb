//! Who asked the core for what, and until when clients wait.

use std::collections::{BTreeMap, BTreeSet};

use raft_core::{NodeId, Ticket, Time};
use raft_net::ForwardId;

use crate::driver::request::Waiter;

/// The requests that the core has not answered, and the deadlines of all requests
/// of clients, wherever these wait.
///
/// Tickets count up within a life of the process, so that one can stand for the
/// request in an entry too ([`ForwardId::counter`]).
#[derive(Debug, Default)]
pub(super) struct Ledger {
    last_ticket: u64,
    asked: BTreeMap<Ticket, Asked>,
    deadlines: BTreeMap<Ticket, Time>,
    by_deadline: BTreeSet<(Time, Ticket)>,
}

/// Who asked, and for what.
#[derive(Debug)]
pub(super) enum Asked {
    /// A client, for something that an entry carries.
    Entry(Waiter),
    /// A client, for the index of a read.
    Read(Waiter),
    /// A client, for a handover of the leadership.
    Transfer(Waiter),
    /// A peer, for a client of its own.
    Forwarded(NodeId, ForwardId),
    /// This worker, to have storage ids recorded.
    StorageIds,
}

impl Ledger {
    /// A ticket of its own for the next request.
    pub(super) fn next_ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        Ticket(self.last_ticket)
    }

    /// The core is asked.
    pub(super) fn ask(&mut self, ticket: Ticket, asked: Asked) {
        let before = self.asked.insert(ticket, asked);
        assert!(before.is_none(), "request {ticket} was made already");
    }

    /// The core answers; `None` if it was given up meanwhile.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Asked> {
        self.asked.remove(&ticket)
    }

    /// A client waits no longer than this.
    pub(super) fn set_deadline(&mut self, ticket: Ticket, deadline: Time) {
        self.deadlines.insert(ticket, deadline);
        self.by_deadline.insert((deadline, ticket));
    }

    /// A client was answered.
    pub(super) fn settled(&mut self, ticket: Ticket) {
        if let Some(deadline) = self.deadlines.remove(&ticket) {
            self.by_deadline.remove(&(deadline, ticket));
        }
    }

    /// The earliest deadline.
    pub(super) fn next_deadline(&self) -> Time {
        self.by_deadline.first().map_or(Time::NEVER, |(deadline, _)| *deadline)
    }

    /// A request whose deadline has come.
    pub(super) fn take_expired(&mut self, now: Time) -> Option<Ticket> {
        let (deadline, ticket) = *self.by_deadline.first()?;
        if deadline > now {
            return None;
        }
        self.settled(ticket);
        Some(ticket)
    }

    /// Everybody who waits for the core.
    pub(super) fn take_all(&mut self) -> Vec<Asked> {
        self.deadlines.clear();
        self.by_deadline.clear();
        std::mem::take(&mut self.asked).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_come_in_order_and_go_with_the_answer() {
        let mut ledger = Ledger::default();
        let (first, second, third) =
            (ledger.next_ticket(), ledger.next_ticket(), ledger.next_ticket());
        ledger.set_deadline(first, Time(30));
        ledger.set_deadline(second, Time(10));
        ledger.set_deadline(third, Time(20));
        assert_eq!(ledger.next_deadline(), Time(10));
        assert_eq!(ledger.take_expired(Time(9)), None);
        ledger.settled(third);
        assert_eq!(ledger.take_expired(Time(30)), Some(second));
        assert_eq!(ledger.take_expired(Time(30)), Some(first));
        assert_eq!(ledger.take_expired(Time(30)), None);
        assert_eq!(ledger.next_deadline(), Time::NEVER);
    }
}
