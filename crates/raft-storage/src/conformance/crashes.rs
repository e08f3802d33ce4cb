//! Checks of a log store whose machine goes down.
//!
//! The rule: after a restart the store holds what a prefix of the writes makes,
//! at least all that were acknowledged. So a ballot is never older than the last
//! one acknowledged, and no entry that was acknowledged is missing.

use super::log::{LogFixture, ballot, command};
use super::model::{Model, bootstrap, draw_group};
use crate::log_store::{LogStore, LogWrite};
use crate::random::Random;

/// A run of groups, with what the log holds after each write of each.
struct Script {
    groups: Vec<Group>,
    initial: Model,
}

struct Group {
    writes: Vec<LogWrite>,
    /// After none of the writes, after the first, and so on.
    after: Vec<Model>,
    /// Whether the store idles behind it.
    idles: bool,
}

impl Script {
    fn draw(seed: u64, groups: u64) -> Script {
        let mut random = Random::new(seed);
        let initial = Model::new(bootstrap());
        let mut model = initial.clone();
        let groups = (0..groups)
            .map(|_| {
                let mut states = vec![model.clone()];
                let writes = draw_group(&mut model, &mut random);
                for write in &writes {
                    let mut next = states[states.len() - 1].clone();
                    next.perform(write);
                    states.push(next);
                }
                Group { writes, after: states, idles: random.one_in(3) }
            })
            .collect();
        Script { groups, initial }
    }

    /// Runs until the machine goes down. Returns the states of which one must be
    /// found afterwards; `None` if it did not go down.
    fn run(&self, fixture: &mut dyn LogFixture) -> Option<Vec<Model>> {
        let Ok(mut store) = fixture.open(&bootstrap()) else {
            return Some(vec![self.initial.clone()]);
        };
        for group in &self.groups {
            if store.write(&group.writes).is_err() {
                return Some(group.after.clone());
            }
            if group.idles && store.idle().is_err() {
                return Some(group.after[group.after.len() - 1..].to_vec());
            }
        }
        None
    }
}

/// Lets the machine go down at the first operation, the second, and so on.
pub(super) fn at_every_operation(seed: u64, make: &mut dyn FnMut(u64) -> Box<dyn LogFixture>) {
    let script = Script::draw(seed, 14);
    for operation in 1.. {
        let mut fixture = make(seed * 10_000 + operation);
        if !fixture.crash_after(operation) {
            return;
        }
        let Some(allowed) = script.run(&mut *fixture) else { return };
        fixture.restart();
        let about = format!("seed {seed}, down at operation {operation}");
        let store = fixture.open(&bootstrap());
        let store = store.unwrap_or_else(|error| panic!("{about}: {error}"));
        let mut model = the_one_found(&allowed, &*store, &about);
        go_on(&mut *fixture, store, &mut model, &about);
    }
}

/// After a crash, lets the machine go down again at each operation of the start.
pub(super) fn in_the_start_after_a_crash(
    seed: u64,
    make: &mut dyn FnMut(u64) -> Box<dyn LogFixture>,
) {
    let script = Script::draw(seed + 1_000, 6);
    for operation in 1.. {
        for second in 1.. {
            let mut fixture = make(seed * 10_000 + operation * 100 + second);
            if !fixture.crash_after(operation) {
                return;
            }
            let Some(allowed) = script.run(&mut *fixture) else { return };
            fixture.restart();
            fixture.crash_after(second);
            let about = format!("seed {seed}, down at operation {operation}, again at {second}");
            let opened_at_once = fixture.open(&bootstrap()).is_ok();
            fixture.restart();
            let store = fixture.open(&bootstrap());
            let store = store.unwrap_or_else(|error| panic!("{about}: {error}"));
            let mut model = the_one_found(&allowed, &*store, &about);
            go_on(&mut *fixture, store, &mut model, &about);
            if opened_at_once {
                break;
            }
        }
    }
}

/// Lets each operation fail once: the store takes nothing more, though the disk
/// would, and what was acknowledged is there after a restart.
pub(super) fn errors_are_final(seed: u64, make: &mut dyn FnMut(u64) -> Box<dyn LogFixture>) {
    let script = Script::draw(seed + 2_000, 8);
    for operation in 1.. {
        let mut fixture = make(seed * 10_000 + operation);
        let about = format!("seed {seed}, operation {operation} fails");
        let mut store = fixture.open(&bootstrap()).expect("opens");
        if !fixture.fail_after(operation) {
            return;
        }
        let failed = script.groups.iter().find(|group| store.write(&group.writes).is_err());
        let Some(failed) = failed else { return };
        assert!(store.write(&[ballot(900)]).is_err(), "{about}: a write after it was taken");
        assert!(store.idle().is_err(), "{about}: it idles as if nothing had been");
        drop(store);
        fixture.restart();
        let store = fixture.open(&bootstrap());
        let store = store.unwrap_or_else(|error| panic!("{about}: {error}"));
        the_one_found(&failed.after, &*store, &about);
    }
}

fn the_one_found(allowed: &[Model], store: &dyn LogStore, about: &str) -> Model {
    let differences: Vec<_> = allowed.iter().map(|model| model.difference(store)).collect();
    match differences.iter().position(Option::is_none) {
        Some(found) => allowed[found].clone(),
        None => panic!("{about}: none of what may be found; it differs by {differences:?}"),
    }
}

/// A store that came back works like any other.
fn go_on(
    fixture: &mut dyn LogFixture,
    mut store: Box<dyn LogStore>,
    model: &mut Model,
    about: &str,
) {
    let last = model.last();
    let append = LogWrite::Append(vec![command(last.term.0 + 1, last.index.0 + 1, 30)]);
    let group = [ballot(last.term.0 + 1), append];
    store.write(&group).unwrap_or_else(|error| panic!("{about}: then {error}"));
    group.iter().for_each(|write| model.perform(write));
    drop(store);
    fixture.restart();
    let store = fixture.open(&bootstrap());
    let store = store.unwrap_or_else(|error| panic!("{about}: then at a start {error}"));
    assert_eq!(model.difference(&*store), None, "{about}: after one more group");
}
