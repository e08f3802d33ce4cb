//! Names of commands: their abbreviations, and what somebody may have meant.
//!
//! An abbreviation is taken if it can mean one command only, among all that etcdctl has:
//! what is short for a command today must not become another one's name tomorrow.

use std::ffi::{OsStr, OsString};

use crate::failure::{Exit, Failure};
use crate::go::quote::quote;

/// All commands of etcdctl, and whether this client has them.
const COMMANDS: [(&str, bool); 25] = [
    ("get", true),
    ("put", true),
    ("del", true),
    ("txn", true),
    ("compaction", true),
    ("alarm", true),
    ("defrag", true),
    ("endpoint", true),
    ("move-leader", true),
    ("watch", false),
    ("version", true),
    ("lease", false),
    ("member", true),
    ("snapshot", false),
    ("make-mirror", false),
    ("lock", false),
    ("elect", false),
    ("auth", false),
    ("user", false),
    ("role", false),
    ("check", false),
    ("completion", true),
    ("downgrade", false),
    ("options", false),
    ("help", true),
];

/// How many letters may be wrong in a name that is recognised nevertheless.
const NEAR: usize = 2;

/// The command of ours that a word is short for.
pub fn complete(word: &OsStr) -> Option<&'static str> {
    let word = word.to_str().filter(|word| !word.is_empty())?;
    let mut candidates = COMMANDS.iter().filter(|(name, _)| name.starts_with(word));
    match (candidates.next(), candidates.next()) {
        (Some((name, true)), None) => Some(name),
        _ => None,
    }
}

/// The failure of a line whose command is unknown, with the commands that are near it.
pub fn unknown(words: &[OsString]) -> Failure {
    let word = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let mut message = format!("unknown command {} for \"kvctl\"\n", quote(word.as_bytes()));
    let lower = word.to_lowercase();
    let near: Vec<&str> = COMMANDS
        .iter()
        .filter(|(name, ours)| {
            *ours && (name.starts_with(&lower) || distance(&lower, name) <= NEAR)
        })
        .map(|(name, _)| *name)
        .collect();
    if !near.is_empty() {
        message += &format!("\nDid you mean this?\n\t{}\n\n", near.join("\n\t"));
    }
    Failure::new(Exit::Error, message + "Run 'kvctl --help' for usage.")
}

/// The least number of letters to insert, remove or replace to come from one word to the
/// other (Levenshtein's distance), a row of the table at a time.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abbreviation_means_one_command() {
        for (word, name) in
            [("g", Some("get")), ("pu", Some("put")), ("t", Some("txn")), ("en", Some("endpoint"))]
        {
            assert_eq!(complete(OsStr::new(word)), name, "{word}");
        }
        for word in ["d", "e", "m", "com", "lease", "zzz", ""] {
            assert_eq!(complete(OsStr::new(word)), None, "{word}");
        }
    }

    #[test]
    fn near_names_are_offered() {
        assert_eq!(
            unknown(&["gett".into()]).words(),
            "unknown command \"gett\" for \"kvctl\"\n\nDid you mean this?\n\tget\n\nRun 'kvctl --help' for usage."
        );
        assert_eq!(
            unknown(&["zzzzzz".into()]).words(),
            "unknown command \"zzzzzz\" for \"kvctl\"\nRun 'kvctl --help' for usage."
        );
    }

    #[test]
    fn the_distance_counts_letters() {
        for (from, to, letters) in
            [("", "get", 3), ("geet", "get", 1), ("putt", "auth", 2), ("get", "get", 0)]
        {
            assert_eq!(distance(from, to), letters);
        }
    }
}
