//! The commands: each checks its arguments, asks, and prints the answer.
//!
//! Arguments are checked before the settings and before any server is asked, so that
//! the first mistake is told first, as etcdctl does.

mod alarm;
mod compaction;
mod completion;
mod defrag;
pub mod del;
mod endpoint;
pub mod get;
mod member;
mod move_leader;
pub mod put;
mod txn;
mod version;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use clap::CommandFactory;
use etcd_client::proto::PbResponseHeader;
use proto::etcdserverpb::ResponseHeader;

use crate::args::{Args, Command};
use crate::failure::{Exit, Failure};
use crate::print::{Answer, Output};
use crate::{names, terminal};

/// Runs the command of the line.
///
/// # Errors
/// Whatever the command fails of.
pub fn run(args: Args) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Error, format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let globals = &args.globals;
        match args.command {
            Some(Command::Put(args)) => put::run(globals, &args).await,
            Some(Command::Get(args)) => get::run(globals, &args).await,
            Some(Command::Del(args)) => del::run(globals, &args).await,
            Some(Command::Txn(args)) => txn::run(globals, &args).await,
            Some(Command::Compaction(args)) => compaction::run(globals, &args).await,
            Some(Command::Alarm(args)) => alarm::run(globals, args).await,
            Some(Command::Defrag(args)) => defrag::run(globals, &args).await,
            Some(Command::Endpoint(args)) => endpoint::run(globals, args).await,
            Some(Command::Member(args)) => member::run(globals, args).await,
            Some(Command::Completion(args)) => completion::run(&args),
            Some(Command::MoveLeader(args)) => move_leader::run(globals, &args).await,
            Some(Command::Version(_)) => version::run(),
            Some(Command::Other(words)) => Err(names::unknown(&words)),
            None => help(&[], &[]),
        }
    })
}

/// Prints the help of a command, which is all that happens when it has no subcommand or
/// an `unknown` one.
fn help(path: &[&str], unknown: &[OsString]) -> Result<(), Failure> {
    if let Some(word) = unknown.first() {
        let command = path.join(" ");
        terminal::note(format_args!("{command} has no subcommand {}", word.to_string_lossy()));
    }
    let mut command = Args::command();
    command.build();
    let mut found = &mut command;
    for name in path {
        found = found.find_subcommand_mut(name).expect("the path names commands of our own");
    }
    terminal::print(found.render_long_help().to_string().as_bytes())
}

fn show(answer: &Answer, output: Output) -> Result<(), Failure> {
    terminal::print(&answer.render(output)?)
}

/// A header in the words of the client of the API, in which all answers are shown.
fn header(header: ResponseHeader) -> PbResponseHeader {
    PbResponseHeader {
        cluster_id: header.cluster_id,
        member_id: header.member_id,
        revision: header.revision,
        raft_term: header.raft_term,
    }
}

fn bad_arguments(message: &str) -> Failure {
    Failure::new(Exit::BadArguments, message)
}

/// Whether a read may be answered by one server alone.
fn is_serializable(consistency: &str) -> Result<bool, Failure> {
    match consistency {
        "l" => Ok(false),
        "s" => Ok(true),
        other => {
            let quoted = crate::go::quote::quote(other.as_bytes());
            Err(Failure::new(Exit::BadFeature, format!("unknown consistency flag {quoted}"))
                .with_hint("--consistency takes l (linearizable) or s (serializable)"))
        }
    }
}

/// The id of a member, in hexadecimal.
fn member_id(word: &OsStr) -> Result<u64, String> {
    crate::go::number::parse_uint(&word.to_string_lossy(), 16)
}

fn bytes(word: &OsStr) -> Vec<u8> {
    word.as_bytes().to_vec()
}

/// What a command about a range is about.
#[derive(Debug, PartialEq, Eq)]
enum Span {
    /// One key.
    Key,
    /// Up to this key, exclusive.
    To(Vec<u8>),
    /// All keys that begin with the key.
    Prefix,
    /// All keys from the key on.
    From,
}

/// The key and the span that words and flags ask for.
fn span(
    words: &[OsString],
    prefix: bool,
    from_key: bool,
    missing: &str,
) -> Result<(Vec<u8>, Span), Failure> {
    let Some(first) = words.first() else { return Err(bad_arguments(missing)) };
    if prefix && from_key {
        return Err(bad_arguments(
            "`--prefix` and `--from-key` cannot be set at the same time, choose one",
        ));
    }
    let key = bytes(first);
    // No key is empty, so all keys are those from the smallest on.
    let all = key.is_empty() && (prefix || from_key);
    match words.get(1) {
        Some(_) if prefix || from_key => Err(bad_arguments(
            "too many arguments, only accept one argument when `--prefix` or `--from-key` is set",
        )),
        Some(end) => Ok((key, Span::To(bytes(end)))),
        None if all => Ok((vec![0], Span::From)),
        None if prefix => Ok((key, Span::Prefix)),
        None if from_key => Ok((key, Span::From)),
        None => Ok((key, Span::Key)),
    }
}
