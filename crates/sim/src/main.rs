//! The simulator's binary.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use sim::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run(&mut io::stdout().lock()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sim: cannot write the output: {error}");
            ExitCode::from(2)
        }
    }
}
