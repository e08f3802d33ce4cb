//! What is said about a malformed command line, in etcdctl's words.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::go::quote::quote;

/// What is wrong with the command line, without the `Error: ` before it.
///
/// The raw words are needed where a letter among several is not known.
pub fn describe(error: &clap::Error, raw: &[OsString]) -> String {
    let argument = text(error, ContextKind::InvalidArg);
    let value = text(error, ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::UnknownArgument => unknown_flag(&argument, raw),
        ErrorKind::InvalidValue if value.is_empty() => missing_value(&argument, raw),
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
            let reason =
                std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            format!(
                "invalid argument {} for {} flag: {reason}",
                quote(value.as_bytes()),
                quote(names(&argument).as_bytes())
            )
        }
        _ => {
            let rendered = error.to_string();
            let line = rendered.lines().next().unwrap_or_default();
            line.strip_prefix("error: ").unwrap_or(line).to_owned()
        }
    }
}

/// How the command is called, to be printed below the error.
pub fn usage(error: &clap::Error) -> Option<String> {
    error.get(ContextKind::Usage).map(ToString::to_string)
}

fn unknown_flag(flag: &str, raw: &[OsString]) -> String {
    let Some(letter) = flag.strip_prefix('-').filter(|rest| !rest.starts_with('-')) else {
        let name = flag.split('=').next().unwrap_or(flag);
        return format!("unknown flag: {name}");
    };
    let letter = letter.chars().next().unwrap_or('-');
    format!("unknown shorthand flag: {} in {}", single_quoted(letter), cluster_with(letter, raw))
}

fn missing_value(argument: &str, raw: &[OsString]) -> String {
    let long = names(argument);
    let long = long.rsplit(", ").next().unwrap_or_default().to_owned();
    let last = raw.last().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    // Only the last word can lack its value, so it shows which spelling was used.
    match last
        .strip_prefix('-')
        .filter(|rest| !rest.starts_with('-'))
        .and_then(|rest| rest.chars().last())
    {
        Some(letter) => format!("flag needs an argument: {} in {last}", single_quoted(letter)),
        None => format!("flag needs an argument: {long}"),
    }
}

/// The first word of single-letter flags in which the letter stands, from the letter on.
fn cluster_with(letter: char, raw: &[OsString]) -> String {
    raw.iter()
        .map(|word| word.to_string_lossy())
        .filter(|word| word.starts_with('-') && !word.starts_with("--"))
        .find_map(|word| word[1..].find(letter).map(|at| format!("-{}", &word[1 + at..])))
        .unwrap_or_else(|| format!("-{letter}"))
}

/// `--limit <LIMIT>` without what stands for the value; a flag with a letter is named
/// by both, as in `-w, --write-out`.
fn names(argument: &str) -> String {
    let long = argument.split([' ', '[', '=']).next().unwrap_or(argument);
    match long {
        "--interactive" | "-i" => "-i, --interactive".to_owned(),
        "--write-out" | "-w" => "-w, --write-out".to_owned(),
        other => other.to_owned(),
    }
}

fn single_quoted(letter: char) -> String {
    format!("'{letter}'")
}

fn text(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Args;

    fn described(line: &[&str]) -> String {
        let raw: Vec<OsString> = line.iter().map(Into::into).collect();
        let error = Args::try_parse_from(&raw).expect_err("the line is malformed");
        describe(&error, &raw[1..])
    }

    #[test]
    fn each_fault_has_its_words() {
        assert_eq!(described(&["kvctl", "get", "a", "--nope"]), "unknown flag: --nope");
        assert_eq!(described(&["kvctl", "get", "a", "--nope=1"]), "unknown flag: --nope");
        assert_eq!(described(&["kvctl", "get", "a", "-x"]), "unknown shorthand flag: 'x' in -x");
        assert_eq!(described(&["kvctl", "put", "a", "-12"]), "unknown shorthand flag: '1' in -12");
        assert_eq!(described(&["kvctl", "get", "a", "--limit"]), "flag needs an argument: --limit");
        assert_eq!(described(&["kvctl", "get", "a", "-w"]), "flag needs an argument: 'w' in -w");
        assert_eq!(
            described(&["kvctl", "get", "a", "--limit", "x"]),
            r#"invalid argument "x" for "--limit" flag: strconv.ParseInt: parsing "x": invalid syntax"#
        );
        assert_eq!(
            described(&["kvctl", "txn", "--interactive=x"]),
            r#"invalid argument "x" for "-i, --interactive" flag: strconv.ParseBool: parsing "x": invalid syntax"#
        );
    }
}
