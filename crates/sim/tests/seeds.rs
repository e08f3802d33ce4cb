//! Some seeds, as a first look; `sim run` runs many.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use sim::options::Options;
use sim::runner::{Seeds, run};

fn failures(seeds: Seeds, options: &Options) -> Vec<String> {
    let mut failures = Vec::new();
    run(seeds, 2, options, |report| {
        if let Some(failure) = &report.failure {
            failures.push(format!("sim replay {}{}: {failure}", report.seed, options.flags()));
        }
        true
    });
    failures
}

#[test]
fn seeds_pass() {
    let seeds = Seeds { first: 1, number: 20 };
    assert_eq!(failures(seeds, &Options::default()), Vec::<String>::new());
}

#[test]
fn seeds_pass_with_all_limits_at_their_least() {
    let options = Options::default().with_least_limits();
    let seeds = Seeds { first: 1, number: 20 };
    assert_eq!(failures(seeds, &options), Vec::<String>::new());
}

#[test]
fn long_seeds_pass() {
    let options = Options::default().with_chaos(Duration::from_secs(90));
    let seeds = Seeds { first: 1, number: 6 };
    assert_eq!(failures(seeds, &options), Vec::<String>::new());
}

/// Each file in `seeds` holds the words behind `sim replay`.
#[test]
fn seeds_that_found_something_pass() {
    let mut number = 0;
    for file in fs::read_dir(crate_folder().join("seeds")).expect("the folder is there") {
        let path = file.expect("the folder can be read").path();
        let words = fs::read_to_string(&path).expect("a seed is text");
        let sim = Command::new(env!("CARGO_BIN_EXE_sim"))
            .arg("replay")
            .args(words.split_whitespace())
            .args(["--until", "0"])
            .output()
            .expect("the simulator starts");
        let said = String::from_utf8_lossy(&sim.stdout);
        assert!(sim.status.success(), "{}: {said}", path.display());
        number += 1;
    }
    assert!(number > 0, "there is no seed");
}

/// This crate's folder as cargo names it now: in a target folder that checkouts share,
/// another of them may have compiled this.
fn crate_folder() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}
