//! The clients that wait for something to be applied.

use std::collections::{BTreeMap, BTreeSet};

use raft_core::{Index, Position, Term, Ticket};

use crate::driver::request::Waiter;

/// The clients that wait at the apply worker, by what they wait for.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    all: BTreeMap<Ticket, (Waiter, Awaited)>,
    by_position: BTreeMap<(Index, Term), Ticket>,
    by_read: BTreeSet<(Index, Ticket)>,
    forwarded: BTreeSet<Ticket>,
}

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// This very entry.
    Position(Position),
    /// The entry that carries the client's ticket.
    Forwarded,
    /// This index.
    Read(Index),
}

impl Waiters {
    pub(super) fn add(&mut self, waiter: Waiter, awaited: Awaited) {
        let ticket = waiter.ticket;
        match awaited {
            Awaited::Position(at) => {
                self.by_position.insert((at.index, at.term), ticket);
            }
            Awaited::Forwarded => {
                self.forwarded.insert(ticket);
            }
            Awaited::Read(index) => {
                self.by_read.insert((index, ticket));
            }
        }
        let before = self.all.insert(ticket, (waiter, awaited));
        assert!(before.is_none(), "request {ticket} waits already");
    }

    /// Takes out whoever has this ticket, whatever it waits for.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<(Waiter, Awaited)> {
        let (waiter, awaited) = self.all.remove(&ticket)?;
        match awaited {
            Awaited::Position(at) => {
                self.by_position.remove(&(at.index, at.term));
            }
            Awaited::Forwarded => {
                self.forwarded.remove(&ticket);
            }
            Awaited::Read(index) => {
                self.by_read.remove(&(index, ticket));
            }
        }
        Some((waiter, awaited))
    }

    /// Who waits for this very entry.
    pub(super) fn take_at(&mut self, position: Position) -> Option<Waiter> {
        let ticket = *self.by_position.get(&(position.index, position.term))?;
        self.take(ticket).map(|(waiter, _)| waiter)
    }

    /// Who forwarded the entry that carries this ticket.
    pub(super) fn take_forwarded(&mut self, ticket: Ticket) -> Option<Waiter> {
        if !self.forwarded.contains(&ticket) {
            return None;
        }
        self.take(ticket).map(|(waiter, _)| waiter)
    }

    /// All forwarded ones.
    pub(super) fn take_all_forwarded(&mut self) -> Vec<Waiter> {
        let tickets = std::mem::take(&mut self.forwarded);
        self.take_each(tickets)
    }

    /// The reads that may be served once `applied` is applied.
    pub(super) fn take_readable(&mut self, applied: Index) -> Vec<Waiter> {
        let mut tickets = Vec::new();
        while let Some(&(index, ticket)) = self.by_read.first().filter(|read| read.0 <= applied) {
            self.by_read.remove(&(index, ticket));
            tickets.push(ticket);
        }
        self.take_each(tickets)
    }

    /// Who still waits for an entry up to this index.
    pub(super) fn take_up_to(&mut self, applied: Index) -> Vec<Waiter> {
        let mut tickets = Vec::new();
        while let Some(first) = self.by_position.first_entry()
            && first.key().0 <= applied
        {
            tickets.push(first.remove());
        }
        self.take_each(tickets)
    }

    /// Who waits for an entry of an older term: terms only rise along the log, so
    /// behind an entry of this term there will be none.
    pub(super) fn take_older_terms(&mut self, term: Term) -> Vec<Waiter> {
        let older = self.by_position.iter().filter(|((_, awaited), _)| *awaited < term);
        let tickets: Vec<Ticket> = older.map(|(_, ticket)| *ticket).collect();
        self.take_each(tickets)
    }

    /// Who waits for an entry that a snapshot up to `covered` may hold.
    pub(super) fn take_covered(&mut self, covered: Position) -> Vec<Waiter> {
        let may_hold =
            |(index, term): &(Index, Term)| *index <= covered.index && *term <= covered.term;
        let inside = self.by_position.iter().filter(|(at, _)| may_hold(at));
        let tickets: Vec<Ticket> = inside.map(|(_, ticket)| *ticket).collect();
        self.take_each(tickets)
    }

    /// Everybody.
    pub(super) fn take_all(&mut self) -> Vec<(Waiter, Awaited)> {
        let all = std::mem::take(self);
        all.all.into_values().collect()
    }

    fn take_each(&mut self, tickets: impl IntoIterator<Item = Ticket>) -> Vec<Waiter> {
        tickets.into_iter().filter_map(|ticket| self.take(ticket)).map(|taken| taken.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::admission::Admission;
    use crate::driver::config::DriverLimits;
    use crate::driver::request::CallId;

    fn waiters(awaited: &[Awaited]) -> Waiters {
        let mut admission = Admission::new(&DriverLimits::default());
        let mut waiters = Waiters::default();
        for (ticket, awaited) in (1..).zip(awaited) {
            let permit = admission.admit(0).expect("there is room");
            let waiter = Waiter { ticket: Ticket(ticket), call: CallId(ticket), permit };
            waiters.add(waiter, *awaited);
        }
        waiters
    }

    fn at(index: u64, term: u64) -> Awaited {
        Awaited::Position(Position::new(term, index))
    }

    fn tickets(taken: Vec<Waiter>) -> Vec<u64> {
        taken.into_iter().map(|waiter| waiter.ticket.0).collect()
    }

    #[test]
    fn an_entry_is_awaited_by_index_and_term() {
        let mut waiters = waiters(&[at(5, 2), at(5, 4)]);
        assert_eq!(waiters.take_at(Position::new(3, 5)), None);
        let taken = waiters.take_at(Position::new(4, 5)).expect("that entry is awaited");
        assert_eq!(taken.ticket, Ticket(2));
        assert_eq!(waiters.take_at(Position::new(4, 5)), None);
        assert!(waiters.take_at(Position::new(2, 5)).is_some());
    }

    #[test]
    fn another_entry_in_the_place_decides() {
        let mut waiters = waiters(&[at(4, 2), at(5, 4), at(6, 4)]);
        assert_eq!(tickets(waiters.take_up_to(Index(5))), [1, 2]);
        assert_eq!(tickets(waiters.take_up_to(Index(5))), [] as [u64; 0]);
        assert!(waiters.take_at(Position::new(4, 6)).is_some());
    }

    #[test]
    fn a_later_term_decides_all_that_is_older() {
        let mut waiters = waiters(&[at(7, 2), at(9, 3), at(8, 4)]);
        assert_eq!(tickets(waiters.take_older_terms(Term(4))), [1, 2]);
        assert!(waiters.take_at(Position::new(4, 8)).is_some());
    }

    #[test]
    fn a_snapshot_decides_what_it_cannot_hold_and_leaves_the_rest_unknown() {
        let mut waiters = waiters(&[at(3, 2), at(4, 5), at(9, 2), at(9, 4)]);
        let covered = Position::new(4, 6);
        assert_eq!(tickets(waiters.take_covered(covered)), [1]);
        assert_eq!(tickets(waiters.take_up_to(covered.index)), [2]);
        assert_eq!(tickets(waiters.take_older_terms(covered.term)), [3]);
        assert_eq!(waiters.take_all().len(), 1);
    }

    #[test]
    fn reads_come_out_when_their_index_is_applied() {
        let mut waiters = waiters(&[Awaited::Read(Index(5)), Awaited::Read(Index(3)), at(4, 1)]);
        assert_eq!(tickets(waiters.take_readable(Index(2))), [] as [u64; 0]);
        assert_eq!(tickets(waiters.take_readable(Index(4))), [2]);
        assert_eq!(waiters.take(Ticket(1)).map(|taken| taken.1), Some(Awaited::Read(Index(5))));
        assert_eq!(tickets(waiters.take_readable(Index(9))), [] as [u64; 0]);
    }

    #[test]
    fn a_forwarded_write_is_known_by_its_ticket_only() {
        let mut waiters = waiters(&[Awaited::Forwarded, at(4, 1), Awaited::Forwarded]);
        assert_eq!(waiters.take_forwarded(Ticket(2)), None, "not a forwarded one");
        assert!(waiters.take_forwarded(Ticket(1)).is_some());
        assert_eq!(tickets(waiters.take_all_forwarded()), [3]);
        assert_eq!(waiters.take_all().len(), 1);
    }
}
