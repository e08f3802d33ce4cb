//! `kvctl`, the command line client.
//!
//! It reads and writes keys of a Balsa or etcd cluster and shows the cluster's state.
//! Commands, flags, variables of the environment, formats, errors and exit codes are
//! those of etcdctl, so that whoever knows one knows the other and scripts keep working;
//! what is more is advice on standard error, in lines that begin with `kvctl:`.
//!
//! [`args`] is the command line, [`settings`] what is in force of it, [`commands`] what
//! is asked of the servers over a [`connection`], and [`print`](mod@print) how the
//! answers look.

mod args;
mod commands;
mod connection;
mod failure;
mod go;
mod names;
mod print;
mod settings;
mod terminal;
mod txn;
mod usage;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::args::{Args, Command};
use crate::failure::{Exit, Failure};

fn main() -> ExitCode {
    let raw = completed(std::env::args_os().collect());
    let outcome = match Args::try_parse_from(&raw) {
        Ok(args) => commands::run(args),
        Err(error)
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) =>
        {
            terminal::print(error.to_string().as_bytes())
        }
        Err(error) => {
            let failure = Failure::new(
                Exit::Error,
                usage::describe(&error, raw.get(1..).unwrap_or_default()),
            );
            report(&failure);
            if let Some(usage) = usage::usage(&error) {
                terminal::say(usage);
            }
            return ExitCode::from(failure.exit as u8);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// The line with the name of its command written out.
fn completed(mut raw: Vec<OsString>) -> Vec<OsString> {
    if let Ok(Args { command: Some(Command::Other(words)), .. }) = Args::try_parse_from(&raw)
        && let Some(name) = words.first().and_then(|word| names::complete(word))
    {
        // The words of an unknown command are the end of the line, as it stands.
        let at = raw.len() - words.len();
        raw[at] = name.into();
    }
    raw
}

/// Tells the failure, and what to do about it.
fn report(failure: &Failure) {
    if let Some(message) = &failure.message {
        terminal::say(format_args!("Error: {message}"));
    }
    if let Some(hint) = &failure.hint {
        terminal::note(hint);
    }
}
