//! The command line.

mod bench;
#[cfg(feature = "planted-bugs")]
mod bugs;
mod replay;
mod run;
mod shrink;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::explore;
use crate::numbers;
use crate::options::{DEFAULT_CHAOS, Options};
use crate::report::Report;

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
    Run(run::Args),
    /// Run one seed and print everything that happens.
    Replay(replay::Args),
    /// Find a smaller run that fails as a seed does, and print its end.
    Shrink(shrink::Args),
    /// Measure how much simulated time goes into a second of one core.
    Bench(bench::Args),
    /// Meet every state that small clusters can come to, within bounds.
    Explore(explore::cli::Explore),
    /// Commit each known bug and print the seed on which the property named for it
    /// caught it.
    #[cfg(feature = "planted-bugs")]
    Bugs(bugs::Args),
}

/// How to run: what is not given is drawn from the seed, or as usual.
#[derive(Debug, Args)]
struct Shared {
    /// Let faults happen for so many minutes.
    #[arg(long, default_value_t = DEFAULT_CHAOS.as_secs_f64() / 60.0, value_parser = minutes)]
    minutes: f64,
    /// Let faults happen for 6 to 30 seconds only.
    #[arg(long, conflicts_with = "minutes")]
    short: bool,
    /// Begin with so many voters.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=7))]
    nodes: Option<u64>,
    /// Let so many clients ask.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=100))]
    clients: Option<u64>,
    /// Of the seed's faults, let only these happen, by their numbers: "3,7-9", or "none".
    #[arg(long, value_parser = Numbers::read)]
    faults: Option<Numbers>,
    /// Let no more than so many seconds go by between two faults.
    #[arg(long, value_parser = seconds)]
    gap: Option<f64>,
    /// Draw what time and network do from another throw of the dice, of the same seed.
    #[arg(long, default_value_t = 0)]
    shake: u64,
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
        let chaos = Duration::from_secs_f64(self.minutes * 60.0);
        Options {
            least_limits: self.least_limits,
            chaos: (!self.short).then_some(chaos),
            nodes: self.nodes,
            clients: self.clients,
            faults: self.faults.as_ref().map(|Numbers(numbers)| numbers.clone()),
            gap: self.gap.map(Duration::from_secs_f64),
            shake: self.shake,
            #[cfg(feature = "planted-bugs")]
            mutation: self.mutation,
            #[cfg(feature = "planted-bugs")]
            passes_over_invariants: self.pass_over_invariants,
        }
    }
}

/// A list of numbers; a type of its own, for clap takes a `Vec` for a flag that is
/// repeated.
#[derive(Clone, Debug)]
struct Numbers(Vec<u32>);

impl Numbers {
    fn read(text: &str) -> Result<Numbers, String> {
        numbers::read(text).map(Numbers)
    }
}

fn minutes(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(minutes) if (0.01..=10_000.0).contains(&minutes) => Ok(minutes),
        Ok(_) => Err("not between 0.01 and 10,000 minutes".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=10_000.0).contains(&seconds) => Ok(seconds),
        Ok(_) => Err("not between 0 and 10,000 seconds".to_owned()),
        Err(error) => Err(error.to_string()),
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
            Command::Run(args) => args.run(out)?,
            Command::Replay(args) => args.run(out)?,
            Command::Shrink(args) => args.run(out)?,
            Command::Bench(args) => args.run(out)?,
            Command::Explore(args) => args.run(out)?,
            #[cfg(feature = "planted-bugs")]
            Command::Bugs(args) => args.run(out)?,
        };
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn print_failure(report: &Report, options: &Options, out: &mut impl Write) -> io::Result<()> {
    let Some(failure) = &report.failure else { return Ok(()) };
    writeln!(out, "seed {} failed after {}", report.seed, report.ended)?;
    writeln!(out, "  {failure}")?;
    writeln!(out, "  replay it with: sim replay {}{}", report.seed, options.flags())
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
    fn nonsense_is_an_error() {
        for line in [
            &["sim", "run", "--seeds", "0"][..],
            &["sim", "run", "--nodes", "8"],
            &["sim", "run", "--minutes", "0"],
            &["sim", "run", "--short", "--minutes", "3"],
            &["sim", "replay"],
            &["sim", "replay", "7", "--faults", "x"],
        ] {
            assert!(Cli::try_parse_from(line).is_err(), "{line:?}");
        }
        assert!(Cli::try_parse_from(["sim", "run", "--first-seed", "7", "--seeds", "3"]).is_ok());
    }

    #[test]
    fn the_flags_of_a_failure_make_the_same_options() {
        for flags in [
            "",
            "--short",
            "--minutes 0.25 --nodes 5 --clients 2 --faults 2-4,9 --gap 0.5 --shake 2",
        ] {
            let line = format!("sim replay 7 {flags}");
            let Command::Replay(args) =
                Cli::try_parse_from(line.split_whitespace()).expect("the line can be read").command
            else {
                panic!("{line} replays");
            };
            assert_eq!(args.shared.options().flags().trim(), flags);
        }
    }
}
