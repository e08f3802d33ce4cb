//! `completion`: scripts by which shells complete command lines.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::args::{Args, CompletionArgs};
use crate::failure::{Exit, Failure};
use crate::go::quote::quote;
use crate::terminal;

/// The shells, by the names that they are asked for.
const SHELLS: [(&str, Shell); 4] = [
    ("bash", Shell::Bash),
    ("zsh", Shell::Zsh),
    ("fish", Shell::Fish),
    ("powershell", Shell::PowerShell),
];

/// Prints the script of a shell.
///
/// # Errors
/// No shell is named, or more than one, or one that is not known.
pub fn run(args: &CompletionArgs) -> Result<(), Failure> {
    let [word] = args.words.as_slice() else {
        let message = format!("accepts 1 arg(s), received {}", args.words.len());
        return Err(Failure::new(Exit::Error, message).with_hint(ADVICE));
    };
    let shell = SHELLS.iter().find(|(name, _)| OsStr::new(name) == word).ok_or_else(|| {
        let word = quote(word.as_bytes());
        let message = format!("invalid argument {word} for \"kvctl completion\"");
        Failure::new(Exit::Error, message).with_hint(ADVICE)
    })?;
    let mut script = Vec::new();
    generate(shell.1, &mut Args::command(), "kvctl", &mut script);
    terminal::print(&script)
}

const ADVICE: &str = "name one shell: bash, zsh, fish or powershell";
