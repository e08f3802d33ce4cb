//! The summary of a log against the log itself, as a plain list.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use raft_core::{
    Entry, EntryKind, Index, LogSummary, Membership, NodeId, Position, SnapshotMeta, Term,
};

use super::cases;

/// What is done to a log; numbers are taken within what is possible.
#[derive(Clone, Debug)]
enum Action {
    /// Append so many entries, in a term raised by so much, perhaps a membership first.
    Append {
        count: u8,
        raise: u8,
        membership: Option<u8>,
    },
    /// Replace from an index within the log on.
    Replace {
        at: u8,
        raise: u8,
        membership: Option<u8>,
    },
    Truncate {
        at: u8,
    },
    Purge {
        at: u8,
    },
}

fn action() -> impl Strategy<Value = Action> {
    let membership = || proptest::option::weighted(0.3, any::<u8>());
    prop_oneof![
        4 => (1_u8..4, 0_u8..3, membership())
            .prop_map(|(count, raise, membership)| Action::Append { count, raise, membership }),
        2 => (any::<u8>(), 0_u8..3, membership())
            .prop_map(|(at, raise, membership)| Action::Replace { at, raise, membership }),
        1 => any::<u8>().prop_map(|at| Action::Truncate { at }),
        1 => any::<u8>().prop_map(|at| Action::Purge { at }),
    ]
}

/// The log: every entry since the base, and the membership of the base.
struct Model {
    base: SnapshotMeta,
    entries: Vec<Entry>,
    /// The highest term given to an entry so far.
    term: u64,
}

impl Model {
    fn new() -> Model {
        let membership = Membership::of_voters([NodeId(1)]);
        Model { base: SnapshotMeta::bootstrap(membership), entries: Vec::new(), term: 1 }
    }

    fn last(&self) -> Position {
        self.entries.last().map_or(self.base.position, Entry::position)
    }

    /// An index of the log from its first to one behind its last.
    fn pick(&self, at: u8) -> u64 {
        self.base.position.index.0 + 1 + u64::from(at) % (self.entries.len() as u64 + 1)
    }

    fn make(&self, index: u64, membership: Option<u8>) -> Entry {
        let (kind, payload) = match membership {
            Some(id) => {
                let members = Membership::of_voters([NodeId(1), NodeId(u64::from(id) + 2)]);
                (EntryKind::MEMBERSHIP, members.encode())
            }
            None => (EntryKind::COMMAND, Bytes::from_static(b"x")),
        };
        let format = Membership::FORMAT;
        Entry { term: Term(self.term), index: Index(index), kind, format, payload }
    }

    fn append(&mut self, entry: Entry) {
        let keep = entry.index.0 - self.base.position.index.0 - 1;
        self.entries.truncate(keep as usize);
        self.entries.push(entry);
    }

    fn memberships(&self) -> Vec<(Index, Membership)> {
        let mut all = vec![(self.base.position.index, self.base.membership.clone())];
        for entry in self.entries.iter().filter(|entry| entry.kind == EntryKind::MEMBERSHIP) {
            let membership = Membership::decode(entry.format, &entry.payload);
            all.push((entry.index, membership.expect("the test encoded it")));
        }
        all
    }

    fn membership_at(&self, index: Index) -> Membership {
        let all = self.memberships();
        let before = all.into_iter().rev().find(|(start, _)| *start <= index);
        before.expect("the base is at or below").1
    }

    fn positions(&self) -> Vec<Position> {
        std::iter::once(self.base.position)
            .chain(self.entries.iter().map(Entry::position))
            .collect()
    }
}

fn perform(action: &Action, model: &mut Model, summary: &mut LogSummary) {
    match action {
        Action::Append { count, raise, membership } => {
            model.term += u64::from(*raise);
            for i in 0..*count {
                let index = model.last().index.0 + 1;
                let entry = model.make(index, membership.filter(|_| i == 0));
                summary.append(&entry).expect("it continues the log");
                model.append(entry);
            }
        }
        Action::Replace { at, raise, membership } => {
            model.term += u64::from(*raise);
            let entry = model.make(model.pick(*at), *membership);
            summary.append(&entry).expect("its term is the highest so far");
            model.append(entry);
        }
        Action::Truncate { at } => {
            let first = model.pick(*at);
            summary.truncate(Index(first));
            model.entries.truncate((first - model.base.position.index.0 - 1) as usize);
        }
        Action::Purge { at } => {
            let index = Index(model.pick(*at) - 1);
            let membership = model.membership_at(index);
            let gone = (index.0 - model.base.position.index.0) as usize;
            let position = model.positions()[gone];
            summary.purge(index);
            model.entries.drain(..gone);
            model.base = SnapshotMeta { position, membership };
        }
    }
}

fn compare(model: &Model, summary: &LogSummary) -> Result<(), TestCaseError> {
    prop_assert_eq!(summary.base(), model.base.position);
    prop_assert_eq!(summary.last(), model.last());
    let positions = model.positions();
    let (base, last) = (model.base.position.index.0, model.last().index.0);
    for index in base.saturating_sub(2)..=last + 2 {
        let at = positions.iter().find(|at| at.index.0 == index);
        prop_assert_eq!(summary.term_at(Index(index)), at.map(|at| at.term), "at {}", index);
        let meta =
            at.map(|at| SnapshotMeta { position: *at, membership: model.membership_at(at.index) });
        prop_assert_eq!(summary.meta_at(Index(index)), meta);
        for term in 0..=model.term + 1 {
            let found =
                positions.iter().rfind(|at| at.index.0 <= index && at.term.0 <= term).copied();
            prop_assert_eq!(summary.last_at_most(Index(index), Term(term)), found);
        }
    }
    let in_force = model.memberships().pop().expect("that of the base");
    prop_assert_eq!(summary.membership_index(), in_force.0);
    prop_assert_eq!(summary.membership(), &in_force.1);
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_summary_is_that_of_the_log(actions in vec(action(), 1..20)) {
        let mut model = Model::new();
        let mut summary = LogSummary::new(model.base.clone());
        for action in &actions {
            perform(action, &mut model, &mut summary);
        }
        compare(&model, &summary)?;
        let mut rebuilt = LogSummary::new(model.base.clone());
        for entry in &model.entries {
            rebuilt.append(entry).expect("the entries are consecutive");
        }
        prop_assert_eq!(rebuilt, summary);
    }

    #[test]
    fn what_does_not_continue_the_log_is_refused(
        actions in vec(action(), 1..10), index in 0_u64..40, term in 0_u64..30, kind in 0_u8..6,
    ) {
        let mut model = Model::new();
        let mut summary = LogSummary::new(model.base.clone());
        for action in &actions {
            perform(action, &mut model, &mut summary);
        }
        let payload = Bytes::from_static(b"no membership");
        let kind = EntryKind(kind);
        let entry = Entry { term: Term(term), index: Index(index), kind, format: 1, payload };
        let before = summary.clone();
        let follows = index > model.base.position.index.0 && index <= model.last().index.0 + 1;
        let previous = model.positions().iter().rfind(|at| at.index.0 < index).copied();
        let grows = previous.is_some_and(|at| at.term.0 <= term);
        let is_known = kind == EntryKind::NOOP || kind == EntryKind::COMMAND;
        let taken = summary.append(&entry).is_ok();
        prop_assert_eq!(taken, follows && grows && is_known);
        prop_assert!(taken || summary == before, "a refused entry leaves no trace");
    }
}
