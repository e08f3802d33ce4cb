//! Checks of a state store.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use raft_core::SnapshotMeta;

use super::model::bootstrap;
use crate::error::StorageError;
use crate::random::Random;
use crate::snapshot_store::SnapshotStore;
use crate::state_store::{Mutation, Order, Space, StateStore, StateView};

/// Opens a state store again and again on one disk.
pub trait StateFixture {
    /// Opens the store with these spaces. The one opened before and its views are
    /// dropped by then.
    ///
    /// # Errors
    ///
    /// Those of the store.
    fn open(&mut self, spaces: &[&str]) -> Result<Box<dyn StateStore>, StorageError>;

    /// The machine went down and comes back. The store is dropped by then.
    fn restart(&mut self);

    /// Where the store's checkpoints go: any snapshot store that suits it.
    fn snapshots(&mut self) -> Arc<dyn SnapshotStore>;
}

const SPACES: [&str; 3] = ["one", "two", "three"];

/// Counts the commits, in the first space.
const COUNTER: &[u8] = b"counter";

type Maps = Vec<BTreeMap<Vec<u8>, Vec<u8>>>;

/// Runs all checks of a state store. `make` gives an empty disk for a seed.
///
/// # Panics
///
/// If the store does what it should not, with the seed.
pub fn state_store(make: &mut dyn FnMut(u64) -> Box<dyn StateFixture>) {
    for seed in 0..30 {
        random_runs_match_the_model(seed, &mut *make(seed));
        space_is_given_back_beside_a_checkpoint(seed, &mut *make(seed));
        a_checkpoint_is_installed_elsewhere(seed, &mut *make(seed), &mut *make(seed + 1_000));
    }
}

fn random_runs_match_the_model(seed: u64, fixture: &mut dyn StateFixture) {
    let mut random = Random::new(seed);
    let mut states = vec![empty()];
    for life in 0..4 {
        let store = fixture.open(&SPACES).expect("opens");
        let view = store.view();
        let found = counter(&*view) as usize;
        assert!(found < states.len(), "seed {seed}: a state that never was");
        states.truncate(found + 1);
        check(&*view, &states[found], &mut random, &format!("seed {seed}, found in life {life}"));
        let mut flushed = found;
        for _ in 0..random.below(40) {
            let before = (store.view(), states.len() - 1);
            commit(&*store, &mut states, &mut random);
            if random.one_in(5) {
                store.flush().expect("flushes");
                flushed = states.len() - 1;
                let durable = store.durable_get(Space(0), COUNTER).expect("reads");
                assert_eq!(number(durable), flushed as u64, "seed {seed}: flushed is durable");
            }
            let about = format!("seed {seed}, life {life}");
            check(&*store.view(), &states[states.len() - 1], &mut random, &about);
            check(&*before.0, &states[before.1], &mut random, &format!("{about}, an older view"));
        }
        let durable = number(store.durable_get(Space(0), COUNTER).expect("reads"));
        assert!(durable as usize >= flushed, "seed {seed}: less is durable than was flushed");
        drop((store, view));
        fixture.restart();
        let store = fixture.open(&SPACES).expect("opens");
        let found = counter(&*store.view());
        assert!(found >= durable, "seed {seed}: {found} found, {durable} was durable");
    }
}

fn space_is_given_back_beside_a_checkpoint(seed: u64, fixture: &mut dyn StateFixture) {
    let about = format!("seed {seed}, space given back");
    let mut random = Random::new(seed);
    let mut states = vec![empty()];
    let store = fixture.open(&SPACES).expect("opens");
    let snapshots = fixture.snapshots();
    (0..20).for_each(|_| commit(&*store, &mut states, &mut random));
    let before = (store.checkpoint().expect("pins"), states.len() - 1);
    (0..20).for_each(|_| commit(&*store, &mut states, &mut random));
    let mut between = None;
    let mut has_room = |_| {
        commit(&*store, &mut states, &mut random);
        if between.is_none() {
            between = Some((store.checkpoint().expect("pins"), states.len() - 1));
        }
        commit(&*store, &mut states, &mut random);
        true
    };
    assert!(store.reclaim(&mut has_room).expect("reclaims"), "{about}: to the end");
    let last = states.len() - 1;
    check(&*store.view(), &states[last], &mut random, &about);
    for (checkpoint, of) in [Some(before), between].into_iter().flatten() {
        let mut sink = snapshots.create().expect("creates");
        let view = checkpoint.write(&mut *sink).expect("writes");
        check(&*view, &states[of], &mut random, &format!("{about}, the checkpoint {of} of {last}"));
    }
}

fn a_checkpoint_is_installed_elsewhere(
    seed: u64,
    fixture: &mut dyn StateFixture,
    other: &mut dyn StateFixture,
) {
    let about = format!("seed {seed}, a checkpoint");
    let mut random = Random::new(seed);
    let mut states = vec![empty()];
    let store = fixture.open(&SPACES).expect("opens");
    (0..20).for_each(|_| commit(&*store, &mut states, &mut random));
    let checkpoint = store.checkpoint().expect("pins");
    let pinned = states[states.len() - 1].clone();
    (0..20).for_each(|_| commit(&*store, &mut states, &mut random));
    let snapshots = fixture.snapshots();
    let mut sink = snapshots.create().expect("creates");
    let view = checkpoint.write(&mut *sink).expect("writes");
    check(&*view, &pinned, &mut random, &about);
    sink.finish(SnapshotMeta { ..bootstrap() }).expect("finishes");
    let durable = number(store.durable_get(Space(0), COUNTER).expect("reads"));
    assert!(durable >= 20, "{about}: a checkpoint makes the own state durable too");

    let there = other.open(&SPACES).expect("opens");
    let mut ignored = vec![empty()];
    commit(&*there, &mut ignored, &mut random);
    let before = there.view();
    there.install(&mut *snapshots.open_newest().expect("is there")).expect("installs");
    assert!(there.install_unfinished(), "{about}: the mark is set");
    check(&*there.view(), &pinned, &mut random, &format!("{about}, installed"));
    check(&*before, &ignored[1], &mut random, &format!("{about}, a view from before"));
    drop((there, before));
    other.restart();

    let there = other.open(&SPACES).expect("opens");
    assert!(there.install_unfinished(), "{about}: the mark survives");
    check(&*there.view(), &pinned, &mut random, &format!("{about}, installed, after a crash"));
    there.finish_install().expect("finishes");
    assert!(!there.install_unfinished(), "{about}: the mark is gone");
    drop(there);
    other.restart();
    let there = other.open(&SPACES).expect("opens");
    assert!(!there.install_unfinished(), "{about}: the mark stays gone");
    check(&*there.view(), &pinned, &mut random, &format!("{about}, after it all"));
}

fn empty() -> Maps {
    vec![BTreeMap::new(); SPACES.len()]
}

/// Commits a random batch that counts itself.
fn commit(store: &dyn StateStore, states: &mut Vec<Maps>, random: &mut Random) {
    let mut state = states[states.len() - 1].clone();
    let count = (states.len() as u64).to_be_bytes();
    let mut batch =
        vec![Mutation::Put(Space(0), Bytes::from(COUNTER), Bytes::copy_from_slice(&count))];
    for _ in 0..random.below(8) {
        let space = Space(random.below(SPACES.len() as u64) as u8);
        let key = Bytes::from(draw_key(random));
        batch.push(if random.one_in(4) {
            Mutation::Delete(space, key)
        } else {
            Mutation::Put(space, key, Bytes::from(vec![7; random.below(30) as usize]))
        });
    }
    for mutation in &batch {
        match mutation {
            Mutation::Put(space, key, value) => {
                state[usize::from(space.0)].insert(key.to_vec(), value.to_vec());
            }
            Mutation::Delete(space, key) => {
                state[usize::from(space.0)].remove(&key[..]);
            }
        }
    }
    store.commit(batch).expect("commits");
    states.push(state);
}

/// A key from a small set, so that keys meet; bytes of all kinds. The counter is
/// never among them.
fn draw_key(random: &mut Random) -> Vec<u8> {
    const BYTES: [u8; 4] = [0, b'a', 0x80, 0xff];
    (0..=random.below(3)).map(|_| BYTES[random.below(4) as usize]).collect()
}

fn check(view: &dyn StateView, state: &Maps, random: &mut Random, about: &str) {
    for (space, map) in (0..).map(Space).zip(state) {
        let key = draw_key(random);
        let found = view.get(space, &key).expect("reads").map(|value| value.to_vec());
        assert_eq!(found, map.get(&key).cloned(), "{about}: {key:?}");
        let all: Vec<_> = map.iter().collect();
        assert_eq!(scan(view, space, b"", None, Order::Ascending), owned(&all), "{about}: all");
        let (start, end) = (draw_key(random), draw_key(random));
        let mut part: Vec<_> =
            all.into_iter().filter(|(key, _)| **key >= start && **key < end).collect();
        let found = scan(view, space, &start, Some(&end), Order::Ascending);
        assert_eq!(found, owned(&part), "{about}: from {start:?} to {end:?}");
        part.reverse();
        let found = scan(view, space, &start, Some(&end), Order::Descending);
        assert_eq!(found, owned(&part), "{about}: from {end:?} down to {start:?}");
    }
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn owned(pairs: &[(&Vec<u8>, &Vec<u8>)]) -> Pairs {
    pairs.iter().map(|(key, value)| ((*key).clone(), (*value).clone())).collect()
}

fn scan(
    view: &dyn StateView,
    space: Space,
    start: &[u8],
    end: Option<&[u8]>,
    order: Order,
) -> Pairs {
    let read = |pair: Result<(Bytes, Bytes), StorageError>| {
        let (key, value) = pair.expect("reads");
        (key.to_vec(), value.to_vec())
    };
    view.scan(space, start, end, order).map(read).collect()
}

fn counter(view: &dyn StateView) -> u64 {
    number(view.get(Space(0), COUNTER).expect("reads"))
}

fn number(value: Option<Bytes>) -> u64 {
    value.map_or(0, |value| u64::from_be_bytes(value[..].try_into().expect("eight bytes")))
}
