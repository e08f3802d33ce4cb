//! Some seeds, as a first look; `sim run` runs many.

use std::time::Duration;

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
