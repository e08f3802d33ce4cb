//! Runs a target with the stable toolchain: on its corpus, on damaged pieces of it, and
//! on bytes that mean nothing.

use std::env;
use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{FileFailurePersistence, TestError, TestRunner};

/// The longest input that is made up, in bytes.
const LONGEST: usize = 2000;

/// Runs a target on all that is in its corpus, and on so many inputs more. What fails is
/// made smaller, printed, and kept by its seed in `tests/fuzz.regressions`.
///
/// # Panics
///
/// If the target does, or has no corpus.
pub fn run(target: &str, cases: u32, run: impl Fn(&[u8])) {
    let corpus = corpus(target);
    for input in &corpus {
        run(input);
    }
    let kept = FileFailurePersistence::Direct("tests/fuzz.regressions");
    let mut config = ProptestConfig::with_cases(cases);
    config.failure_persistence = Some(Box::new(kept));
    let tested = TestRunner::new(config).run(&inputs(corpus), |input| {
        run(&input);
        Ok(())
    });
    if let Err(TestError::Fail(why, input)) = tested {
        panic!("{target} fails on {}: {why}", input.escape_ascii());
    }
    assert!(tested.is_ok(), "{target}: {tested:?}");
}

/// What the fuzzer found worth keeping.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = crate_folder().join("../../fuzz/corpus").join(target);
    let listed = std::fs::read_dir(&folder);
    let listed = listed.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = listed.map(|entry| entry.expect("it is listed").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths.iter().map(|path| std::fs::read(path).expect("it can be read")).collect()
}

/// The crate's folder as cargo names it now: in a target folder that checkouts share,
/// another of them may have compiled this.
fn crate_folder() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

fn inputs(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edits = vec((any::<Index>(), any::<u8>()), 0..8);
    let damaged = (prop::sample::select(corpus), edits, any::<Index>(), any::<bool>());
    let damaged = damaged.prop_map(|(mut input, edits, cut, cuts)| {
        if !input.is_empty() {
            for (place, byte) in edits {
                let place = place.index(input.len());
                input[place] = byte;
            }
            if cuts {
                input.truncate(cut.index(input.len()));
            }
        }
        input
    });
    prop_oneof![1 => vec(any::<u8>(), 0..LONGEST), 3 => damaged]
}
