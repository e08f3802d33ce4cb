//! Random commands and reads, answered by the store and by a naive model.

use kv_statemachine::{KvError, ReadError, Reply};

use crate::support::{Node, Rng, model::Model, random};

const SEQUENCES: u64 = 2500;

#[test]
fn answers_as_the_model_does() {
    for seed in 0..SEQUENCES {
        run_sequence(seed, 40);
    }
}

/// Long enough that versions pile up, and removals lie between applies.
#[test]
fn answers_as_the_model_does_in_the_long_run() {
    for seed in 0..10 {
        run_sequence(1_000_000 + seed, 1500);
    }
}

fn run_sequence(seed: u64, steps: u64) {
    let mut rng = Rng::new(seed);
    let mut node = Node::new();
    let mut model = Model::new();
    // Half of them compact seldom, so that old revisions are read.
    let compacts = rng.one_in(2);
    let pace = 1 + rng.below(30) as u32;
    for step in 0..steps {
        node.machine.set_removal_pace(pace);
        let at = format!("seed {seed} step {step}");
        let operation = random::operation(&mut rng, model.revision());
        let is_compaction = matches!(operation, kv_statemachine::Operation::Compact(_));
        if is_compaction && !compacts && !rng.one_in(30) {
            continue;
        }
        let expected = model.apply(&operation);
        let Reply { outcome, .. } = node.run(operation.clone());
        assert_eq!(outcome, expected, "{at}: {operation:?}");
        if rng.one_in(10) {
            node.finish_compaction();
        }
        if rng.one_in(20) {
            node = node.restart().expect("it opens");
        }
        let view = node.view();
        assert_eq!(view.revision(), model.revision(), "{at}");
        assert_eq!(view.compact_revision(), model.compact_revision(), "{at}");
        for _ in 0..2 {
            let request = random::range(&mut rng, model.revision());
            let found = view.range(&request).map_err(refused);
            assert_eq!(found, model.range(&request), "{at}: {request:?}");
        }
        let revision = rng.below(model.revision() as u64 + 2) as i64;
        let hash = view.hash_kv(revision).map_err(refused);
        assert_eq!(hash, model.hash_kv(revision), "{at}: hash of {revision}");
    }
}

fn refused(error: ReadError) -> KvError {
    match error {
        ReadError::Request(error) => error,
        other => panic!("not a refusal: {other}"),
    }
}
