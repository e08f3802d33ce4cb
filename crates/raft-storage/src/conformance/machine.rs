//! Checks of a state machine.

use std::sync::Arc;

use bytes::Bytes;
use raft_core::{Entry, EntryKind, Index, Membership, NodeId, SnapshotMeta, Term};

use crate::error::StorageError;
use crate::random::Random;
use crate::snapshot_store::SnapshotStore;
use crate::state_machine::{StateMachine, advance};

/// Opens a state machine again and again on one disk.
pub trait MachineFixture {
    /// The machine.
    type Machine: StateMachine;

    /// Opens the machine. A new one starts at `bootstrap`. The one opened before
    /// is dropped by then.
    ///
    /// # Errors
    ///
    /// Those of the machine.
    fn open(&mut self, bootstrap: &SnapshotMeta) -> Result<Self::Machine, StorageError>;

    /// The process was killed, or the machine went down, and comes back. The
    /// state machine is dropped by then.
    fn restart(&mut self);

    /// Where the machine's snapshots go.
    fn snapshots(&mut self) -> Arc<dyn SnapshotStore>;

    /// The `number`-th command that the checks apply: its format and payload.
    /// The same number gives the same command.
    fn command(&self, number: u64) -> (u8, Bytes);

    /// Bytes that are equal for equal states and differ for others; what was
    /// applied last need not go into them.
    fn digest(&self, machine: &Self::Machine) -> Vec<u8>;
}

const ENTRIES: u64 = 120;

/// Runs all checks of a state machine. `make` gives an empty disk for a seed.
///
/// # Panics
///
/// If the machine does what it should not, with the seed.
pub fn state_machine<F: MachineFixture>(make: &mut dyn FnMut(u64) -> F) {
    let mut fixture = make(0);
    let log = entries(&fixture);
    let digests = digests(&mut fixture, &log);
    for seed in 1..=10 {
        batches_make_no_difference(seed, &mut make(seed), &log, &digests);
        a_crash_leaves_a_state_that_was(seed, &mut make(seed), &log, &digests);
        let (mut here, mut there) = (make(seed), make(seed + 1_000));
        a_snapshot_is_installed_elsewhere(seed, &mut here, &mut there, &log, &digests);
    }
}

/// The digest after each entry, applied one at a time; first that of no entry.
fn digests<F: MachineFixture>(fixture: &mut F, log: &[Entry]) -> Vec<Vec<u8>> {
    let mut machine = fixture.open(&bootstrap()).expect("opens");
    assert_eq!(machine.applied(), bootstrap(), "a new machine");
    assert!(!machine.install_unfinished(), "nothing was installed in a new machine");
    let mut applied = bootstrap();
    let mut digests = vec![fixture.digest(&machine)];
    for entry in log {
        let mut replies = Vec::new();
        machine.apply(std::slice::from_ref(entry), &mut replies).expect("applies");
        assert_eq!(replies.len(), 1, "one reply for {entry}");
        assert_eq!(replies[0].is_some(), entry.kind == EntryKind::COMMAND, "the reply to {entry}");
        advance(&mut applied, entry);
        assert_eq!(machine.applied(), applied, "after {entry}");
        digests.push(fixture.digest(&machine));
    }
    digests
}

fn batches_make_no_difference<F: MachineFixture>(
    seed: u64,
    fixture: &mut F,
    log: &[Entry],
    digests: &[Vec<u8>],
) {
    let mut random = Random::new(seed);
    let mut machine = fixture.open(&bootstrap()).expect("opens");
    while position(&machine) < log.len() {
        apply_some(&mut machine, log, &mut random);
        assert_eq!(
            fixture.digest(&machine),
            digests[position(&machine)],
            "seed {seed}: the state after {} depends on the batches",
            position(&machine)
        );
    }
}

fn a_crash_leaves_a_state_that_was<F: MachineFixture>(
    seed: u64,
    fixture: &mut F,
    log: &[Entry],
    digests: &[Vec<u8>],
) {
    let mut random = Random::new(seed);
    let mut least = Index::ZERO;
    let mut most = 0;
    for life in 0..6 {
        let about = format!("seed {seed}, life {life}");
        let mut machine = fixture.open(&bootstrap()).expect("opens");
        let found = position(&machine);
        assert!(found as u64 >= least.0, "{about}: {found} found, {least} was durable");
        assert!(found <= most, "{about}: {found} found, {most} were applied");
        assert_eq!(fixture.digest(&machine), digests[found], "{about}: at {found}");
        for _ in 0..4 {
            apply_some(&mut machine, log, &mut random);
            if random.one_in(3) {
                machine.flush().expect("flushes");
                let durable = machine.durable().expect("reads");
                assert_eq!(durable, machine.applied().position.index, "{about}: flushed");
            }
        }
        least = machine.durable().expect("reads");
        most = position(&machine);
        assert!(least.0 as usize <= most, "{about}: more is durable than applied");
        drop(machine);
        fixture.restart();
    }
}

fn a_snapshot_is_installed_elsewhere<F: MachineFixture>(
    seed: u64,
    here: &mut F,
    there: &mut F,
    log: &[Entry],
    digests: &[Vec<u8>],
) {
    let about = format!("seed {seed}, a snapshot");
    let mut random = Random::new(seed);
    let mut machine = here.open(&bootstrap()).expect("opens");
    (0..4).for_each(|_| apply_some(&mut machine, log, &mut random));
    let prepared = machine.applied();
    let job = machine.prepare_snapshot().expect("prepares");
    (0..2).for_each(|_| apply_some(&mut machine, log, &mut random));
    let snapshots = here.snapshots();
    let mut sink = snapshots.create().expect("creates");
    let covered = job.run(&mut *sink).expect("runs");
    assert_eq!(covered, prepared, "{about} covers what was applied when it was prepared");
    sink.finish(covered.clone()).expect("finishes");
    let durable = machine.durable().expect("reads");
    assert!(durable >= covered.position.index, "{about}: the own state is durable too");

    let mut other = there.open(&bootstrap()).expect("opens");
    other.install(&mut *snapshots.open_newest().expect("is there")).expect("installs");
    drop(other);
    there.restart();
    let mut other = there.open(&bootstrap()).expect("opens");
    assert!(other.install_unfinished(), "{about}: the mark survives a crash");
    assert_eq!(other.applied(), covered, "{about}, installed");
    assert_eq!(there.digest(&other), digests[position(&other)], "{about}, installed");
    other.finish_install().expect("finishes");
    drop(other);
    there.restart();
    let mut other = there.open(&bootstrap()).expect("opens");
    assert!(!other.install_unfinished(), "{about}: the mark is gone");
    while position(&other) < log.len() {
        apply_some(&mut other, log, &mut random);
    }
    assert_eq!(there.digest(&other), digests[log.len()], "{about}, and the entries after it");
}

/// Applies a batch of the entries that come next.
fn apply_some<M: StateMachine>(machine: &mut M, log: &[Entry], random: &mut Random) {
    let rest = &log[position(machine)..];
    let batch = &rest[..rest.len().min(random.below(10) as usize + 1)];
    let mut replies = Vec::new();
    if !batch.is_empty() {
        machine.apply(batch, &mut replies).expect("applies");
    }
    assert_eq!(replies.len(), batch.len(), "one reply for each entry");
}

/// How many entries of the log the machine has applied.
fn position<M: StateMachine>(machine: &M) -> usize {
    machine.applied().position.index.0 as usize
}

/// Commands, with a no-op and a membership now and then.
fn entries<F: MachineFixture>(fixture: &F) -> Vec<Entry> {
    let entry = |index: u64| {
        let (kind, (format, payload)) = match index % 13 {
            0 => (EntryKind::NOOP, (0, Bytes::new())),
            7 => {
                let membership = Membership::of_voters((1..=1 + index % 5).map(NodeId));
                (EntryKind::MEMBERSHIP, (Membership::FORMAT, membership.encode()))
            }
            _ => (EntryKind::COMMAND, fixture.command(index)),
        };
        Entry { term: Term(1 + index / 40), index: Index(index), kind, format, payload }
    };
    (1..=ENTRIES).map(entry).collect()
}

fn bootstrap() -> SnapshotMeta {
    SnapshotMeta::bootstrap(Membership::of_voters([NodeId(1), NodeId(2), NodeId(3)]))
}
