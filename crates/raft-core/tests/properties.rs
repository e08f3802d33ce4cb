//! Properties of the pure parts against naive models, and of a whole node under
//! random events. Ten thousand cases each, or as many as `PROPTEST_CASES` says; a
//! case that fails is printed, made as small as possible, with the seed that repeats
//! it.

#[path = "properties/membership.rs"]
mod membership;
#[path = "properties/node.rs"]
mod node;
#[path = "properties/quorum.rs"]
mod quorum;
#[path = "properties/summary.rs"]
mod summary;

use proptest::test_runner::Config;

/// How often each property is tried. Failures are printed, not kept in files.
fn cases() -> Config {
    let asked = Config::default();
    let is_asked = std::env::var_os("PROPTEST_CASES").is_some();
    let cases = if is_asked { asked.cases } else { 10_000 };
    Config { cases, failure_persistence: None, ..asked }
}
