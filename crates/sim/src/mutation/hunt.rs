//! Looks for the first seed on which a bug is caught by the property named for it.

use std::fmt;

use super::Mutation;
use crate::options::{DEFAULT_CHAOS, Options};
use crate::report::Failure;
use crate::runner::{self, Seeds};

/// What is hunted, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quarry {
    /// The bug.
    pub mutation: &'static Mutation,
    /// Seeds from 1 to this one are run.
    pub seeds: u64,
    /// Threads to run them on; what is found does not depend on it.
    pub jobs: usize,
}

/// The seed on which a bug was caught, and what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catch {
    /// The seed.
    pub seed: u64,
    /// How the property failed.
    pub failure: Failure,
}

/// What came of a hunt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunt {
    /// The bug.
    pub mutation: &'static Mutation,
    /// Where it was caught, with the assertions of the core in force.
    pub with_assertions: Option<Catch>,
    /// Where it was caught, with these passed over. A bug that makes a cluster stand
    /// still is hunted once, for it breaks none.
    pub without_assertions: Option<Catch>,
}

impl Hunt {
    /// Whether it was caught from outside. A bug of safety has to be without the help of
    /// the core's assertions; the two runs of a seed are the same up to the first of these
    /// that is broken, so where only the bare one is caught an assertion came first.
    pub fn is_caught(&self) -> bool {
        self.seed().is_some()
    }

    /// The seed that counts.
    pub fn seed(&self) -> Option<u64> {
        let catch = match self.mutation.is_of_liveness() {
            true => &self.with_assertions,
            false => &self.without_assertions,
        };
        catch.as_ref().map(|catch| catch.seed)
    }
}

impl fmt::Display for Hunt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seed = |catch: &Option<Catch>| match catch {
            Some(catch) => catch.seed.to_string(),
            None => "-".to_owned(),
        };
        write!(
            f,
            "{:>3}  {:<30} {:>6} {:>6}  {}",
            self.mutation.row(),
            self.mutation.name(),
            seed(&self.with_assertions),
            seed(&self.without_assertions),
            self.mutation.property
        )
    }
}

/// Hunts a bug, without the assertions of the core and with them; with them no further
/// than it was caught without.
pub fn hunt(quarry: Quarry) -> Hunt {
    let mutation = quarry.mutation;
    let without_assertions =
        if mutation.is_of_liveness() { None } else { first_catch(quarry, true) };
    let seeds = without_assertions.as_ref().map_or(quarry.seeds, |catch| catch.seed);
    let with_assertions = first_catch(Quarry { seeds, ..quarry }, false);
    Hunt { mutation, with_assertions, without_assertions }
}

/// How all bugs are hunted: as `sim run` runs if it is told nothing.
pub(super) fn options() -> Options {
    Options::default().with_chaos(DEFAULT_CHAOS)
}

fn first_catch(quarry: Quarry, passes_over_invariants: bool) -> Option<Catch> {
    let Quarry { mutation, seeds, jobs } = quarry;
    let options = Options { mutation: Some(mutation), passes_over_invariants, ..options() };
    let mut catch = None;
    runner::run(Seeds { first: 1, number: seeds }, jobs, &options, |report| {
        let failure = report.failure.as_ref().filter(|it| it.name() == mutation.property);
        catch = failure.map(|failure| Catch { seed: report.seed, failure: failure.clone() });
        catch.is_none()
    });
    catch
}
