//! Standard output and standard error.

use std::fmt::Display;
use std::io::Write;

use crate::failure::{Exit, Failure};

/// Writes the answer to standard output.
///
/// # Errors
/// It cannot be written; a reader that has gone away is no failure.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Error, format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard error. Nobody is left to be told if that fails.
pub fn say(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Advice or a warning: a line on standard error that begins with the program's name.
pub fn note(line: impl Display) {
    say(format_args!("kvctl: {line}"));
}
