//! The command line.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::options::Options;
use crate::report::Report;
use crate::runner::{self, Seeds, Summary};
use crate::trace::Trace;
use crate::world;

/// Simulates whole clusters of the real code, each from one seed.
#[derive(Debug, Parser)]
#[command(name = "sim", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run seeds one after another and print what was seen.
    Run {
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
    },
    /// Run one seed and print everything that happens.
    Replay {
        /// The seed.
        seed: u64,
        #[command(flatten)]
        shared: Shared,
    },
    /// Commit each known bug and print the seed on which the property named for it
    /// caught it.
    #[cfg(feature = "planted-bugs")]
    Bugs {
        /// How many seeds to look for each, from 1 on.
        #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
        seeds: u64,
        /// This one only.
        #[arg(long, value_parser = crate::mutation::by_name)]
        only: Option<&'static crate::mutation::Mutation>,
        /// How many threads; as many as the machine has cores if not given.
        #[arg(long)]
        jobs: Option<usize>,
    },
}

#[derive(Debug, Args)]
struct Shared {
    /// Run with every limit at its least: batches, windows and queues of one, a
    /// snapshot every third entry.
    #[arg(long)]
    least_limits: bool,
    /// Commit a known bug, to see it found.
    #[cfg(feature = "planted-bugs")]
    #[arg(long, value_parser = crate::mutation::by_name)]
    mutation: Option<&'static crate::mutation::Mutation>,
    /// Count broken invariants of the core and go on.
    #[cfg(feature = "planted-bugs")]
    #[arg(long)]
    pass_over_invariants: bool,
}

impl Shared {
    fn options(&self) -> Options {
        Options {
            least_limits: self.least_limits,
            #[cfg(feature = "planted-bugs")]
            mutation: self.mutation,
            #[cfg(feature = "planted-bugs")]
            passes_over_invariants: self.pass_over_invariants,
        }
    }
}

impl Cli {
    /// Does what was asked for. The exit code is 0 if all is well, 1 if a seed
    /// failed or something was never seen.
    ///
    /// # Errors
    ///
    /// If the output cannot be written.
    pub fn run(&self, out: &mut impl Write) -> io::Result<ExitCode> {
        let good = match &self.command {
            Command::Run { first_seed, seeds, jobs, keep_going, shared } => {
                let seeds = Seeds { first: *first_seed, number: *seeds };
                run_seeds(seeds, jobs.unwrap_or_else(cores), *keep_going, &shared.options(), out)?
            }
            Command::Replay { seed, shared } => replay(*seed, &shared.options(), out)?,
            #[cfg(feature = "planted-bugs")]
            Command::Bugs { seeds, only, jobs } => {
                crate::mutation::bugs::run(*only, *seeds, jobs.unwrap_or_else(cores), out)?
            }
        };
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn run_seeds(
    seeds: Seeds,
    jobs: usize,
    keep_going: bool,
    options: &Options,
    out: &mut impl Write,
) -> io::Result<bool> {
    let mut written = Ok(());
    let summary = runner::run(seeds, jobs, options, |report| {
        if report.failure.is_some() {
            written = print_failure(report, options, out);
        }
        written.is_ok() && (keep_going || report.failure.is_none())
    });
    written?;
    print_summary(&summary, out)?;
    Ok(summary.is_good())
}

fn print_failure(report: &Report, options: &Options, out: &mut impl Write) -> io::Result<()> {
    let Some(failure) = &report.failure else { return Ok(()) };
    writeln!(out, "seed {} failed after {}", report.seed, report.ended)?;
    writeln!(out, "  {failure}")?;
    writeln!(out, "  replay it with: sim replay {}{}", report.seed, options.flags())
}

fn print_summary(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    write!(out, "{}", summary.counts)?;
    for (first, missing) in &summary.unseen {
        let names: Vec<&str> = missing.iter().map(|kind| kind.label()).collect();
        let last = first + runner::SEEDS_THAT_SEE_ALL - 1;
        writeln!(
            out,
            "the seeds {first} to {last} never saw: {}; what is never seen is not tested, so \
             the odds of the faults have to be put right",
            names.join(", ")
        )?;
    }
    let failed = summary.failed.len();
    writeln!(out, "{} seeds, {failed} failed, trace {}", summary.seeds, summary.trace)
}

fn replay(seed: u64, options: &Options, out: &mut impl Write) -> io::Result<bool> {
    // An output that nobody reads any more is no reason to end the run.
    let print = |line: &str| drop(writeln!(io::stdout(), "{line}"));
    let report = world::run(seed, options, Trace::to(print));
    match &report.failure {
        Some(_) => print_failure(&report, options, out)?,
        None => writeln!(out, "seed {seed} passed after {}", report.ended)?,
    }
    writeln!(out, "trace {}", report.trace)?;
    Ok(report.failure.is_none())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_seeds_at_all_is_an_error() {
        assert!(Cli::try_parse_from(["sim", "run", "--seeds", "0"]).is_err());
        assert!(Cli::try_parse_from(["sim", "replay"]).is_err());
        assert!(Cli::try_parse_from(["sim", "run", "--first-seed", "7", "--seeds", "3"]).is_ok());
    }
}
