//! The load generator's binary.

use std::process::ExitCode;

use bench::cli::Cli;
use clap::Parser;

fn main() -> ExitCode {
    Cli::parse().run()
}
