//! The script of a transaction: three parts, each ended by an empty line.
//!
//! ```text
//! mod("key") > "0"            conditions
//!
//! put key "new value"         what is done if all hold
//! get key
//!
//! put key created             what is done otherwise
//!
//! ```
//!
//! [`compare`] reads a condition, [`words`] splits an operation as a shell would, and
//! the operation's flags are those of the commands `put`, `get` and `del`.

pub mod compare;
pub mod words;

use std::io::BufRead;

use clap::Parser;
use etcd_client::{Compare, Txn, TxnOp};

use crate::args::{DelArgs, GetArgs, PutArgs};
use crate::commands::{del, get, put};
use crate::failure::{Exit, Failure};

/// The operations by name; any beginning of a name will do.
const OPERATIONS: [&str; 3] = ["put", "get", "del"];

/// Reads a whole script. `announce` is called with the heading of each part before it is
/// read, for people who type it.
///
/// # Errors
/// A line is malformed, or the script ends before its last empty line.
pub fn read(
    input: &mut impl BufRead,
    mut announce: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<Txn, Failure> {
    announce("compares:")?;
    let compares = part(input, compare::parse)?;
    announce("success requests (get, put, del):")?;
    let success = part(input, operation)?;
    announce("failure requests (get, put, del):")?;
    let failure = part(input, operation)?;
    Ok(assemble(compares, success, failure))
}

fn assemble(compares: Vec<Compare>, success: Vec<TxnOp>, failure: Vec<TxnOp>) -> Txn {
    Txn::new().when(compares).and_then(success).or_else(failure)
}

/// The lines up to the next empty one.
fn part<T>(
    input: &mut impl BufRead,
    parse: impl Fn(&str) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut parsed = Vec::new();
    loop {
        let mut line = String::new();
        input.read_line(&mut line).map_err(|error| {
            Failure::new(Exit::InvalidInput, format!("cannot read the transaction: {error}"))
        })?;
        if !line.ends_with('\n') {
            return Err(Failure::new(Exit::InvalidInput, "EOF").with_hint(
                "each of the three parts (compares, success requests, failure requests) ends with an empty line",
            ));
        }
        let line = line.trim();
        if line.is_empty() {
            return Ok(parsed);
        }
        parsed.push(parse(line)?);
    }
}

/// Reads a line such as `put key "a value"`.
fn operation(line: &str) -> Result<TxnOp, Failure> {
    let words = words::split(line)?;
    if words.len() < 2 {
        return Err(Failure::new(
            Exit::InvalidInput,
            format!("invalid txn compare request: {line}"),
        )
        .with_hint("a request is put, get or del with a key"));
    }
    let invalid = |error: Option<clap::Error>| {
        let hint = error.and_then(|error| error.to_string().lines().next().map(str::to_owned));
        Failure::new(Exit::InvalidInput, format!("invalid txn request: {line}")).with_hint(
            hint.unwrap_or_else(|| "a request is put, get or del with its arguments".to_owned()),
        )
    };
    let name = words[0].to_string_lossy().into_owned();
    match OPERATIONS.iter().find(|operation| operation.starts_with(&name)) {
        Some(&"put") => {
            let args = PutArgs::try_parse_from(&words).map_err(|error| invalid(Some(error)))?;
            // What stands on standard input is the script, not a value.
            let request = put::request(&args, &mut std::io::empty(), 0)?;
            Ok(TxnOp::put(request.key, request.value, Some(request.options)))
        }
        Some(&"get") => {
            let args = GetArgs::try_parse_from(&words).map_err(|error| invalid(Some(error)))?;
            let (key, options) = get::request(&args)?;
            Ok(TxnOp::get(key, Some(options)))
        }
        Some(_) => {
            let args = DelArgs::try_parse_from(&words).map_err(|error| invalid(Some(error)))?;
            let (key, options) = del::request(&args)?;
            Ok(TxnOp::delete(key, Some(options)))
        }
        None => Err(invalid(None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Result<(), Failure> {
        read(&mut text.as_bytes(), |_| Ok(())).map(|_| ())
    }

    #[test]
    fn a_script_has_three_parts() {
        assert_eq!(script("\n\n\n"), Ok(()));
        assert_eq!(script("mod(\"a\") > \"0\"\n\nput a b\nget a --prefix\n\nd a\n\n"), Ok(()));
        for text in ["", "\n", "\n\n", "\n\nget a", "\n\nget a\n"] {
            assert_eq!(script(text).unwrap_err().words(), "EOF", "{text:?}");
        }
    }

    #[test]
    fn headings_come_before_their_parts() {
        let mut headings = Vec::new();
        read(&mut "\n\n\n".as_bytes(), |heading| {
            headings.push(heading.to_owned());
            Ok(())
        })
        .expect("the script is empty and whole");
        assert_eq!(
            headings,
            ["compares:", "success requests (get, put, del):", "failure requests (get, put, del):"]
        );
    }

    #[test]
    fn malformed_requests_are_named() {
        for (line, message, exit) in [
            ("get", "invalid txn compare request: get", Exit::InvalidInput),
            ("foo a", "invalid txn request: foo a", Exit::InvalidInput),
            ("put --x a b", "invalid txn request: put --x a b", Exit::InvalidInput),
            (
                "put a",
                "put command needs 1 argument and input from stdin or 2 arguments",
                Exit::BadArguments,
            ),
            ("get a --order up", "bad sort order up", Exit::BadFeature),
        ] {
            let failure = operation(line).expect_err("the line is malformed");
            assert_eq!((failure.words(), failure.exit), (message, exit));
        }
    }

    #[test]
    fn operations_may_be_abbreviated() {
        for line in ["p a b", "g a", "de a", "put -- -a -b"] {
            assert!(operation(line).is_ok(), "{line}");
        }
    }
}
