//! `balsa`: a node of the replicated key-value store, with etcd's API and flags.
//!
//! ```text
//! balsa [flags]            runs a node
//! balsa dev --nodes 3      runs a cluster on this machine, to try things
//! ```

mod dev;
mod flags;
mod help;
mod ignored;
mod log;
mod serve;
mod systemd;

use std::process::ExitCode;

use flags::{DevSettings, FlagError, Task};
use mimalloc::MiMalloc;

/// Requests come and go on many threads, in small pieces: the system's allocator took
/// a tenth of a write's CPU time, this one half of that.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The command line cannot be read.
const EXIT_USAGE: u8 = 2;
/// The node does not start, or ended without having been asked to.
const EXIT_FAILURE: u8 = 1;

fn main() -> ExitCode {
    let mut line = std::env::args().skip(1).peekable();
    if line.next_if(|word| word == "dev").is_some() {
        return develop(line);
    }
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    match flags::read(line, environment) {
        Ok(Task::Help) => {
            print!("{}", help::usage());
            ExitCode::SUCCESS
        }
        Ok(Task::Version) => {
            print!("{}", help::version());
            ExitCode::SUCCESS
        }
        Ok(Task::Serve(settings, warnings)) => {
            if let Err(error) = log::start(&settings) {
                return refuse(&error.to_string(), EXIT_FAILURE);
            }
            abort_on_panic();
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            serve::run(*settings)
        }
        Err(error) => refuse_flags(&error),
    }
}

fn develop(line: impl Iterator<Item = String>) -> ExitCode {
    match DevSettings::read(line) {
        Ok(Some(settings)) => dev::run(settings),
        Ok(None) => {
            print!("{}", help::dev_usage());
            ExitCode::SUCCESS
        }
        Err(error) => refuse_flags(&error),
    }
}

fn refuse_flags(error: &FlagError) -> ExitCode {
    match error {
        FlagError::Usage(_) => refuse(&error.to_string(), EXIT_USAGE),
        FlagError::Invalid(_) => refuse(&error.to_string(), EXIT_FAILURE),
    }
}

fn refuse(message: &str, code: u8) -> ExitCode {
    eprintln!("balsa: {message}");
    ExitCode::from(code)
}

/// A broken invariant ends the process: what comes after it could only be worse.
fn abort_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let message = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        tracing::error!(message, location, thread, "panic");
        std::process::abort();
    }));
}
