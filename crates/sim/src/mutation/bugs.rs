//! `sim bugs`: all planted bugs, one after another.

use std::io::{self, Write};

use super::hunt::{self, Hunt, Quarry, hunt};
use super::{ALL, Mutation};
use crate::runner::{self, Seeds};

/// Hunts bugs, all of them or one, prints where each was caught, and runs the code as it
/// is on the same seeds. Whether all were caught, and nothing else was.
///
/// # Errors
///
/// If the output cannot be written.
pub fn run(
    only: Option<&'static Mutation>,
    seeds: u64,
    jobs: usize,
    out: &mut impl Write,
) -> io::Result<bool> {
    writeln!(out, "{:>3}  {:<30} {:>6} {:>6}  caught by", "row", "bug", "seed", "bare")?;
    let mut hunts = Vec::new();
    for mutation in ALL.iter().filter(|mutation| only.is_none_or(|only| only == *mutation)) {
        let hunt = hunt(Quarry { mutation, seeds, jobs });
        writeln!(out, "{hunt}")?;
        out.flush()?;
        hunts.push(hunt);
    }
    writeln!(out, "bare: with the assertions of the core passed over, which else may come first")?;
    let worst = summarize(&hunts, seeds, out)?;
    let is_clean = unmutated(worst, jobs, out)?;
    Ok(is_clean && hunts.iter().all(Hunt::is_caught))
}

/// Says how many were caught and how late; the latest seed of all.
fn summarize(hunts: &[Hunt], seeds: u64, out: &mut impl Write) -> io::Result<u64> {
    let mut caught: Vec<u64> = hunts.iter().filter_map(Hunt::seed).collect();
    caught.sort_unstable();
    let (median, worst) = match caught.last() {
        Some(worst) => (caught[caught.len() / 2], *worst),
        None => (seeds, seeds),
    };
    writeln!(out, "{} of {} caught, median {median}, worst {worst}", caught.len(), hunts.len())?;
    Ok(worst)
}

/// Runs the code as it is, with all properties, on the seeds up to the latest one.
fn unmutated(worst: u64, jobs: usize, out: &mut impl Write) -> io::Result<bool> {
    let seeds = Seeds { first: 1, number: worst };
    let summary = runner::run(seeds, jobs, &hunt::options(), |_| true);
    writeln!(
        out,
        "without a bug {} of {} seeds failed: {:?}",
        summary.failed.len(),
        summary.seeds,
        summary.failed
    )?;
    Ok(summary.failed.is_empty())
}
