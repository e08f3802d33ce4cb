//! `sim run`.

use std::io::{self, Write};

use super::shrink::{SHRINKING_RUNS, print_shrunk};
use super::{Shared, print_failure};
use crate::runner::{self, Seeds, Summary, Unseen};

/// A progress line comes after so many seeds.
const PROGRESS_SEEDS: u64 = 20;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// How many threads; as many as the machine has cores if not given. The
    /// output does not depend on it.
    #[arg(long)]
    jobs: Option<usize>,
    /// Go on after a seed that failed.
    #[arg(long)]
    keep_going: bool,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(super) fn run(&self, out: &mut impl Write) -> io::Result<bool> {
        let options = self.shared.options();
        let seeds = Seeds { first: self.first_seed, number: self.seeds };
        let (mut done, mut failed) = (0, 0);
        let mut written = Ok(());
        let summary = runner::run(seeds, self.jobs.unwrap_or_else(cores), &options, |report| {
            done += 1;
            failed += u64::from(report.failure.is_some());
            if done % PROGRESS_SEEDS == 0 && done < self.seeds {
                eprintln!("sim: {done} of {} seeds, {failed} failed", self.seeds);
            }
            if report.failure.is_some() {
                written = print_failure(report, &options, out);
                // One is enough to begin with, and each takes a while.
                if failed == 1 && written.is_ok() {
                    written = print_shrunk(report.seed, &options, SHRINKING_RUNS, out);
                }
            }
            written.is_ok() && (self.keep_going || report.failure.is_none())
        });
        written?;
        print_summary(&summary, out)?;
        Ok(summary.is_good())
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn print_summary(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    write!(out, "{}", summary.counts)?;
    for Unseen { first, last, kinds } in &summary.unseen {
        let names: Vec<&str> = kinds.iter().map(|kind| kind.label()).collect();
        writeln!(
            out,
            "the seeds {first} to {last} never saw: {}; what is never seen is not tested, so \
             the odds of the faults have to be put right",
            names.join(", ")
        )?;
    }
    writeln!(
        out,
        "{} operations acknowledged in the median seed, {} simulated seconds in all",
        summary.median_acknowledged(),
        summary.simulated.as_secs()
    )?;
    let longest = summary.longest_recovery.as_secs_f64();
    writeln!(out, "together again after chaos within {longest:.1} simulated seconds")?;
    let failed = summary.failed.len();
    writeln!(out, "{} seeds, {failed} failed, trace {}", summary.seeds, summary.trace)
}
