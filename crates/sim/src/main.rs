//! The simulator's binary.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use sim::cli::Cli;

/// Events and frames come and go in small pieces: the system's allocator took a sixth
/// of a run's time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match Cli::parse().run(&mut io::stdout().lock()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sim: cannot write the output: {error}");
            ExitCode::from(2)
        }
    }
}
