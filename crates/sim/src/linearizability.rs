//! Is there an order in which all operations could have happened, one after the other,
//! each between its beginning and its end? (Herlihy and Wing, 1990.)
//!
//! The checker knows registers: keys that are written, deleted and read, each by itself.
//! A history is linearizable if and only if that of each key is (Herlihy and Wing's
//! locality; Horn and Kroening, 2015, call it P-compositionality), so the keys are
//! looked at one by one, and what costs is not the length of the history but how much
//! happens to one key at the same time.
//!
//! ```text
//!   write 1   ├────────┤
//!   write 2        ├──────────┤
//!   read 1              ├──┤            linearizable: 2, 1, read
//!   read 2                       ├──┤   no more: nothing writes 2 behind 1
//! ```
//!
//! It goes through beginnings and ends in order and keeps all states that the key may be
//! in, each with the operations that have not ended and have had their effect already
//! (just-in-time linearization: Lowe, 2017). Where an operation ends it must have had
//! its effect; states in which it cannot are dropped, and none must be left over for
//! nothing to be wrong.
//!
//! A write that was given up may have its effect at any time after its beginning, or
//! never. That is exact for those with a value of their own. Of deletions, which cannot be
//! told apart, one that was given up may happen any number of times; what is reported is
//! a violation all the same, but not every one is found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One operation of a client on one key. Times are in any unit, from one clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation<K, V> {
    /// The key.
    pub key: K,
    /// When the client asked.
    pub began: u64,
    /// When it was told; `None` if it never was. A read that was not told is no
    /// operation at all.
    pub ended: Option<u64>,
    /// What was done.
    pub action: Action<V>,
}

/// What an operation does to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action<V> {
    /// Writes a value that no other operation writes to this key; `None` deletes.
    Write(Option<V>),
    /// Finds a value, or none.
    Read(Option<V>),
}

/// A key whose history no order explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotLinearizable<K, V> {
    /// The key.
    pub key: K,
    /// The operation at whose end nothing was possible any more.
    pub operation: Operation<K, V>,
    /// The values that the key could have had at that moment.
    pub possible: Vec<Option<V>>,
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Display for NotLinearizable<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Operation { began, ended, action, .. } = &self.operation;
        let ended = ended.unwrap_or(u64::MAX);
        write!(
            f,
            "key {:?}: {action:?} from {began} to {ended} cannot have happened; the key was one of {:?}",
            self.key, self.possible
        )
    }
}

/// Checks a history, in any order.
///
/// # Errors
///
/// The first key, and the first operation on it, that cannot be explained.
pub fn check<K, V>(
    history: impl IntoIterator<Item = Operation<K, V>>,
) -> Result<(), NotLinearizable<K, V>>
where
    K: Clone + Ord,
    V: Copy + Ord,
{
    let mut keys: BTreeMap<K, Vec<Operation<K, V>>> = BTreeMap::new();
    for operation in history {
        keys.entry(operation.key.clone()).or_default().push(operation);
    }
    keys.into_values().try_for_each(|operations| check_key(&operations))
}

/// Where the key may stand: its value, and which operations that have not ended have
/// had their effect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State<V> {
    value: Option<V>,
    done: BTreeSet<usize>,
}

/// One key's history, and how far it was gone through.
///
/// What keeps the states few is that values are unique. An open read of the present value
/// has its effect at once, for that changes nothing. A write that nobody has still to read
/// has its effect just before the next one, where nobody sees it. And a value that
/// somebody has still to read is not left, for it never comes back.
struct Key<'a, K, V> {
    operations: &'a [Operation<K, V>],
    /// Begun and not ended.
    open: BTreeSet<usize>,
    /// The reads of each value that have not ended.
    unread: BTreeMap<V, BTreeSet<usize>>,
    /// The writes of a value that were given up.
    given_up: BTreeMap<V, usize>,
    /// A deletion was given up, and may happen from now on.
    may_vanish: bool,
    states: BTreeSet<State<V>>,
}

fn check_key<K: Clone, V: Copy + Ord>(
    operations: &[Operation<K, V>],
) -> Result<(), NotLinearizable<K, V>> {
    let mut key = Key {
        operations,
        open: BTreeSet::new(),
        unread: BTreeMap::new(),
        given_up: BTreeMap::new(),
        may_vanish: false,
        states: BTreeSet::from([State { value: None, done: BTreeSet::new() }]),
    };
    for (number, operation) in operations.iter().enumerate() {
        if let (Action::Read(Some(value)), Some(_)) = (operation.action, operation.ended) {
            key.unread.entry(value).or_default().insert(number);
        }
    }
    for (number, is_end) in key.events() {
        if !is_end {
            key.begin(number);
        } else if let Err(possible) = key.end(number) {
            let operation = operations[number].clone();
            return Err(NotLinearizable { key: operation.key.clone(), operation, possible });
        }
    }
    Ok(())
}

impl<K, V: Copy + Ord> Key<'_, K, V> {
    /// Beginnings (`false`) and ends (`true`) in the order of their times; at one moment
    /// beginnings first, since the clock cannot say that they came later. A write that
    /// was given up begins only if its value was found: else it need not have happened.
    fn events(&self) -> Vec<(usize, bool)> {
        let mut events = Vec::new();
        for (number, operation) in self.operations.iter().enumerate() {
            let is_found = match operation.action {
                Action::Write(Some(value)) => self.unread.contains_key(&value),
                Action::Write(None) => true,
                Action::Read(_) => false,
            };
            if operation.ended.is_some() || is_found {
                events.push((operation.began, false, number));
            }
            events.extend(operation.ended.map(|ended| (ended, true, number)));
        }
        events.sort_unstable();
        events.into_iter().map(|(_, is_end, number)| (number, is_end)).collect()
    }

    fn begin(&mut self, number: usize) {
        let Operation { action, ended, .. } = &self.operations[number];
        match (*action, ended) {
            (Action::Write(None), None) => {
                self.may_vanish = true;
                return;
            }
            (Action::Write(Some(value)), None) => {
                self.given_up.insert(value, number);
            }
            _ => {}
        }
        self.open.insert(number);
        let states = std::mem::take(&mut self.states);
        self.states = states.into_iter().map(|state| self.with_reads(state)).collect();
    }

    /// Keeps the states in which the operation has had its effect; if there are none, the
    /// values that the key could have had.
    fn end(&mut self, number: usize) -> Result<(), Vec<Option<V>>> {
        let mut ended = BTreeSet::new();
        let mut seen = self.states.clone();
        let mut waiting: Vec<State<V>> = self.states.iter().cloned().collect();
        while let Some(mut state) = waiting.pop() {
            if state.done.remove(&number) {
                ended.insert(state);
                continue;
            }
            let next = self.successors(&state, number);
            waiting.extend(next.into_iter().filter(|next| seen.insert(next.clone())));
        }
        if ended.is_empty() {
            let values: BTreeSet<Option<V>> = self.states.iter().map(|it| it.value).collect();
            return Err(values.into_iter().collect());
        }
        self.states = ended;
        self.open.remove(&number);
        if let Action::Read(Some(value)) = self.operations[number].action {
            self.note_read(number, value);
        }
        Ok(())
    }

    /// A write that was given up is no matter any more once all have read it who do.
    fn note_read(&mut self, number: usize, value: V) {
        let Some(unread) = self.unread.get_mut(&value) else { return };
        unread.remove(&number);
        if unread.is_empty()
            && let Some(write) = self.given_up.remove(&value)
        {
            self.open.remove(&write);
            let states = std::mem::take(&mut self.states);
            let without = |mut state: State<V>| {
                state.done.remove(&write);
                state
            };
            self.states = states.into_iter().map(without).collect();
        }
    }

    /// What may come next, on the way to the effect of an operation that ends.
    fn successors(&self, state: &State<V>, ending: usize) -> Vec<State<V>> {
        if state.value.is_some_and(|value| self.is_awaited(value, state)) {
            return Vec::new();
        }
        let mut successors = Vec::new();
        let mut write = |value: Option<V>, done: BTreeSet<usize>| {
            successors.push(self.with_reads(State { value, done }));
        };
        if self.may_vanish && state.value.is_some() {
            write(None, state.done.clone());
        }
        let (seen, unseen): (Vec<usize>, Vec<usize>) = self
            .open
            .iter()
            .filter(|number| !state.done.contains(number))
            .filter(|number| matches!(self.operations[**number].action, Action::Write(_)))
            .partition(|number| self.may_be_seen(**number, state));
        let mut deletions: Vec<usize> =
            seen.iter().copied().filter(|it| self.deletes(*it)).collect();
        deletions.sort_unstable_by_key(|number| self.operations[*number].ended);
        let candidates = seen.into_iter().chain(unseen.iter().copied().filter(|it| *it == ending));
        for number in candidates {
            let Action::Write(value) = self.operations[number].action else { continue };
            // Of the deletions that go unseen before it, those that end first are as good
            // as any.
            for absorbed in 0..=deletions.len() {
                let mut done = state.done.clone();
                done.extend(&unseen);
                done.extend(&deletions[..absorbed]);
                done.insert(number);
                write(value, done);
            }
        }
        successors
    }

    fn deletes(&self, number: usize) -> bool {
        self.operations[number].action == Action::Write(None)
    }

    /// Whether somebody may find what this writes.
    fn may_be_seen(&self, write: usize, state: &State<V>) -> bool {
        match self.operations[write].action {
            Action::Write(Some(value)) => self.is_awaited(value, state),
            Action::Write(None) | Action::Read(_) => true,
        }
    }

    /// Whether a read of this value has not had its effect.
    fn is_awaited(&self, value: V, state: &State<V>) -> bool {
        self.unread
            .get(&value)
            .is_some_and(|reads| reads.iter().any(|read| !state.done.contains(read)))
    }

    /// The same state after all open reads of its value.
    fn with_reads(&self, mut state: State<V>) -> State<V> {
        let read = Action::Read(state.value);
        let reads = self.open.iter().filter(|number| self.operations[**number].action == read);
        state.done.extend(reads);
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    type Op = Operation<u8, u64>;

    fn op(key: u8, began: u64, ended: u64, action: Action<u64>) -> Op {
        Operation { key, began, ended: (ended > 0).then_some(ended), action }
    }

    fn put(began: u64, ended: u64, value: u64) -> Op {
        op(1, began, ended, Action::Write(Some(value)))
    }

    fn delete(began: u64, ended: u64) -> Op {
        op(1, began, ended, Action::Write(None))
    }

    fn get(began: u64, ended: u64, value: u64) -> Op {
        op(1, began, ended, Action::Read((value > 0).then_some(value)))
    }

    fn is_good(history: &[Op]) -> bool {
        check(history.to_vec()).is_ok()
    }

    #[test]
    fn what_happens_at_once_may_happen_in_any_order() {
        let both = [put(1, 10, 1), put(2, 9, 2)];
        for last in [1, 2] {
            assert!(is_good(&[both[0].clone(), both[1].clone(), get(11, 12, last)]));
        }
        assert!(!is_good(&[both[0].clone(), both[1].clone(), get(11, 12, 1), get(13, 14, 2)]));
        assert!(!is_good(&[both[0].clone(), both[1].clone(), get(11, 12, 0)]));
        assert!(is_good(&[both[0].clone(), both[1].clone(), get(3, 4, 2), get(5, 6, 1)]));
        assert!(!is_good(&[put(1, 2, 1), get(3, 4, 1), put(5, 6, 2), get(7, 8, 1)]));
        assert!(!is_good(&[get(1, 2, 1), put(3, 4, 1)]), "a read of the future");
    }

    #[test]
    fn a_write_that_was_given_up_may_happen_late_or_never_and_once() {
        let given_up = put(1, 0, 1);
        assert!(is_good(&[given_up.clone(), get(5, 6, 0), get(7, 8, 1), get(9, 10, 1)]));
        assert!(is_good(&[given_up.clone(), get(5, 6, 0)]));
        let again = [get(5, 6, 1), put(7, 8, 2), get(9, 10, 2), get(11, 12, 1)];
        let history: Vec<Op> = std::iter::once(given_up.clone()).chain(again).collect();
        assert!(!is_good(&history));
        assert!(!is_good(&[put(9, 0, 1), get(5, 6, 1)]), "it had not begun");
    }

    #[test]
    fn deletions_are_writes() {
        assert!(is_good(&[put(1, 2, 1), delete(3, 4), get(5, 6, 0)]));
        assert!(!is_good(&[put(1, 2, 1), delete(3, 4), get(5, 6, 1)]));
        assert!(is_good(&[put(1, 2, 1), delete(3, 0), get(5, 6, 1), get(7, 8, 0)]));
        assert!(!is_good(&[put(1, 2, 1), delete(3, 0), get(5, 6, 0), get(7, 8, 1)]));
    }

    #[test]
    fn keys_are_by_themselves() {
        let other = op(2, 3, 4, Action::Write(Some(7)));
        assert!(is_good(&[put(1, 2, 1), other.clone(), get(5, 6, 1)]));
        let error = check([put(1, 2, 1), other, op(2, 5, 6, Action::Read(Some(8)))]);
        let error = error.expect_err("nobody wrote that");
        assert_eq!((error.key, error.possible), (2, vec![Some(7)]));
    }

    /// A history of clients on one register that takes effect somewhere within each
    /// operation, and one of its reads.
    fn random(seed: u64, length: u64) -> (Vec<Op>, usize) {
        let mut rng = Rng::new(seed);
        let (mut history, mut free_at, mut read) = (Vec::new(), [0_u64; 10], 0);
        let mut effects: BTreeMap<u64, (usize, Action<u64>)> = BTreeMap::new();
        for value in 1..=length {
            let client = rng.below(free_at.len() as u64) as usize;
            let began = free_at[client] + rng.between(1, 50);
            let effect = (began + rng.between(0, 99)) * 100_000 + value;
            let ended = effect / 100_000 + rng.between(0, 99);
            free_at[client] = ended;
            let action = match rng.below(10) {
                0 => Action::Write(None),
                1..=4 => Action::Write(Some(value)),
                _ => Action::Read(None),
            };
            let is_given_up = action != Action::Read(None) && rng.one_in(20);
            effects.insert(effect, (history.len(), action));
            history.push(op(1, began, if is_given_up { 0 } else { ended }, action));
        }
        let mut value = None;
        for (number, action) in effects.into_values() {
            match action {
                Action::Write(written) => value = written,
                Action::Read(_) => {
                    history[number].action = Action::Read(value);
                    read = number;
                }
            }
        }
        (history, read)
    }

    #[test]
    fn long_histories_are_judged_and_one_wrong_read_is_found() {
        for seed in 0..2 {
            let (mut history, read) = random(seed, 15_000);
            assert!(is_good(&history), "seed {seed}");
            history[read].action = Action::Read(Some(1_000_000));
            assert!(!is_good(&history), "seed {seed}");
        }
    }

    /// Tries all orders: whether the rest can follow on a state.
    fn by_all_orders(value: Option<u64>, rest: &[Op]) -> bool {
        rest.iter().all(|op| op.ended.is_none())
            || rest.iter().enumerate().any(|(place, op)| {
                let mut others = rest.to_vec();
                others.remove(place);
                let ended_before = |other: &Op| other.ended.is_some_and(|ended| ended < op.began);
                let next = match op.action {
                    Action::Write(written) => Some(written),
                    Action::Read(found) => (found == value).then_some(found),
                };
                !others.iter().any(ended_before)
                    && next.is_some_and(|next| by_all_orders(next, &others))
            })
    }

    #[test]
    fn short_histories_are_judged_as_by_all_orders() {
        let mut judged = [0, 0];
        for seed in 0..4_000 {
            let mut rng = Rng::new(seed);
            let history: Vec<Op> = (1..=6)
                .map(|value| {
                    let began = rng.between(1, 12);
                    let ended = began + rng.between(0, 6);
                    match rng.below(6) {
                        0 => delete(began, ended),
                        1 | 2 => put(began, if rng.one_in(4) { 0 } else { ended }, value),
                        _ => get(began, ended, rng.below(6)),
                    }
                })
                .collect();
            let expected = by_all_orders(None, &history);
            assert_eq!(is_good(&history), expected, "seed {seed}: {history:?}");
            judged[usize::from(expected)] += 1;
        }
        assert!(judged.iter().all(|number| *number > 200), "{judged:?}");
    }
}
