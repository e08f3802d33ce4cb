//! In what `kvctl` may differ from `etcdctl`, and what differs between two runs of
//! one of them. The list is closed: what is not here must agree to the byte.

use std::process::Output;

use crate::script::Invocation;

/// What a client printed, and with which code it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub stdout: String,
    pub stderr: String,
    pub code: Option<i32>,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Outcome {
        let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.escape_ascii().to_string(),
        };
        Outcome {
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            code: output.status.code(),
        }
    }
}

/// Lines of standard error that only one of the clients has.
const NO_COUNTERPART: &[(&str, &str)] = &[
    ("{\"level\":\"warn\"", "the log of etcdctl's library, about its attempts and its environment"),
    ("kvctl: ", "advice of kvctl: what to do about an error"),
    ("\tauth", "suggests a command that kvctl does not have"),
    ("\tdowngrade", "as above"),
];

/// What follows these, up to the end of the number, word or line, differs between two
/// runs: `(before, first letter after)`.
const OF_A_RUN: &[(&str, &[char], &str)] = &[
    ("took = ", &['\n'], "how long a call took"),
    ("\"took\":\"", &['"'], "how long a call took"),
    ("\"Took\" : ", &['\n'], "how long a call took"),
    ("]. took ", &['\n', ' '], "how long a call took"),
    ("\"dbSize\":", &[',', '}'], "a file grows when it is written to, in the background"),
    ("\"dbSizeInUse\":", &[',', '}'], "as above"),
    ("\"DBSize\" : ", &['\n'], "as above"),
    ("\"DBSizeInUse\" : ", &['\n'], "as above"),
    ("\"raftIndex\":", &[',', '}'], "a node writes entries of its own, in the background"),
    ("\"raftAppliedIndex\":", &[',', '}'], "as above"),
    ("\"RaftIndex\" : ", &['\n'], "as above"),
    ("\"RaftAppliedIndex\" : ", &['\n'], "as above"),
];

/// Cells of `endpoint` commands in `simple` and `table` that differ between two runs.
const CELLS_OF_A_RUN: &[(&str, &[usize], &str)] = &[
    ("health", &[2], "how long a call took"),
    ("status", &[4, 5, 6, 11, 12], "sizes and indices, as in OF_A_RUN"),
];

/// An invocation on which the clients part ways on purpose.
struct Parting {
    /// Whether `etcdctl` did on it what `kvctl` does not do.
    is_met: fn(&Invocation, &Outcome) -> bool,
    /// What `kvctl` must have done instead.
    is_right: fn(&Outcome, &Outcome) -> bool,
    why: &'static str,
}

const PARTINGS: &[Parting] = &[
    Parting {
        is_met: |_, etcdctl| etcdctl.stderr.contains("panic: Unknown result op"),
        is_right: |_, kvctl| {
            kvctl.code == Some(3) && kvctl.stderr.starts_with("Error: malformed comparison: ")
        },
        why: "etcdctl panics on an operator that it does not know; kvctl says so",
    },
    Parting {
        is_met: |_, etcdctl| etcdctl.stderr.contains("panic: bad value"),
        is_right: |_, kvctl| kvctl.code == Some(0) || kvctl.code == Some(3),
        why: "etcdctl panics on each comparison of a lease; kvctl makes it",
    },
    Parting {
        is_met: |_, etcdctl| etcdctl.stderr.contains("{\"level\":\"fatal\""),
        is_right: |etcdctl, kvctl| {
            kvctl.code == etcdctl.code && kvctl.stdout == etcdctl.stdout && is_error(kvctl)
        },
        why: "etcdctl logs a flag that contradicts the environment, with a stack trace",
    },
    Parting {
        is_met: |_, etcdctl| etcdctl.stdout.starts_with("etcdctl version:"),
        is_right: |_, kvctl| {
            kvctl.code == Some(0)
                && kvctl.stdout.starts_with("kvctl version: ")
                && kvctl.stdout.contains("\nAPI version: 3.")
                && kvctl.stderr.is_empty()
        },
        why: "each has its own version",
    },
    Parting {
        is_met: |_, etcdctl| etcdctl.code == Some(0) && etcdctl.stdout.contains("\nUsage:\n"),
        is_right: |_, kvctl| {
            kvctl.code == Some(0)
                && kvctl.stdout.contains("Usage: kvctl")
                && own_words(&kvctl.stderr).is_empty()
        },
        why: "a help page describes its own program",
    },
    Parting {
        is_met: |_, etcdctl| etcdctl.stderr == "Error: unknown consistency flag \"l\"\n",
        is_right: |_, kvctl| {
            kvctl.code == Some(4) && kvctl.stderr.starts_with("Error: unknown consistency flag ")
        },
        why: "etcdctl names the value of another command's flag",
    },
];

/// Compares what the clients did on an invocation.
///
/// # Errors
/// What differs and may not.
pub fn check(invocation: &Invocation, etcdctl: &Outcome, kvctl: &Outcome) -> Result<(), String> {
    if let Some(parting) = PARTINGS.iter().find(|parting| (parting.is_met)(invocation, etcdctl)) {
        return if (parting.is_right)(etcdctl, kvctl) {
            Ok(())
        } else {
            Err(format!("   kvctl is to part here ({}): {kvctl:?}", parting.why))
        };
    }
    let [etcdctl, kvctl] = [etcdctl, kvctl].map(|outcome| compared(invocation, outcome));
    if etcdctl == kvctl {
        return Ok(());
    }
    Err(format!("   etcdctl: {etcdctl:?}\n   kvctl:   {kvctl:?}"))
}

/// What of an outcome is compared.
fn compared(invocation: &Invocation, outcome: &Outcome) -> Outcome {
    Outcome {
        stdout: masked(invocation, &outcome.stdout),
        stderr: masked(invocation, &own_words(&outcome.stderr)),
        code: outcome.code,
    }
}

/// Standard error without lines that have no counterpart, the client's own name, and
/// the text behind `Usage:`, which describes the program that prints it.
fn own_words(stderr: &str) -> String {
    let mut kept = String::new();
    let mut is_usage = false;
    for line in stderr.lines() {
        is_usage = if is_usage { !line.starts_with("Error: ") } else { line.starts_with("Usage:") };
        if is_usage || NO_COUNTERPART.iter().any(|(beginning, _)| line.starts_with(beginning)) {
            continue;
        }
        kept.push_str(&line.replace("etcdctl", "kvctl"));
        kept.push('\n');
    }
    kept
}

/// The text without what differs between two runs.
fn masked(invocation: &Invocation, text: &str) -> String {
    let mut text = text.to_owned();
    for (before, after, _) in OF_A_RUN {
        text = mask_after(&text, before, after);
    }
    // Commands may be abbreviated.
    let is_of = |command: &str| {
        invocation
            .words
            .windows(2)
            .any(|pair| pair[0] == "endpoint" && command.starts_with(&pair[1]))
    };
    match CELLS_OF_A_RUN.iter().find(|(command, ..)| is_of(command)) {
        Some((_, cells, _)) => mask_cells(&text, cells),
        None => text,
    }
}

/// Replaces what follows each occurrence of the mark by `_`.
fn mask_after(text: &str, mark: &str, until: &[char]) -> String {
    let mut pieces = text.split(mark);
    let mut masked = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(until).unwrap_or(piece.len());
        masked.push_str(mark);
        masked.push('_');
        masked.push_str(&piece[end..]);
    }
    masked
}

/// Replaces cells of a table, and the widths with them, or of lines with commas.
fn mask_cells(text: &str, cells: &[usize]) -> String {
    let parting = if text.starts_with('┌') { '│' } else { ',' };
    let mut is_head = parting == '│';
    let mut masked = String::new();
    for line in text.lines() {
        if line.starts_with(['┌', '├', '└']) {
            masked.extend(line.chars().filter(|letter| *letter != '─'));
        } else if line.starts_with(['[', '{', '"']) || !line.contains(parting) {
            masked.push_str(line);
        } else {
            let row = line.split(parting).enumerate().map(|(number, cell)| {
                // A table's lines begin with the frame, before their first cell.
                let is_masked =
                    cells.iter().any(|cell| number == cell + usize::from(parting == '│'));
                if is_masked && !is_head && !cell.trim().is_empty() { "_" } else { cell.trim() }
            });
            masked.push_str(&row.collect::<Vec<_>>().join("|"));
            is_head = false;
        }
        masked.push('\n');
    }
    masked
}

fn is_error(outcome: &Outcome) -> bool {
    outcome.stderr.starts_with("Error: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(text: &str) -> Invocation {
        crate::script::read(text).remove(0)
    }

    fn outcome(stdout: &str, stderr: &str, code: i32) -> Outcome {
        Outcome { stdout: stdout.to_owned(), stderr: stderr.to_owned(), code: Some(code) }
    }

    #[test]
    fn each_difference_says_why() {
        assert!(PARTINGS.iter().all(|parting| !parting.why.is_empty()));
        assert!(OF_A_RUN.iter().all(|(.., why)| !why.is_empty()));
        assert!(CELLS_OF_A_RUN.iter().all(|(.., why)| !why.is_empty()));
        assert!(NO_COUNTERPART.iter().all(|(_, why)| !why.is_empty()));
    }

    #[test]
    fn a_difference_in_any_stream_is_found() {
        let get = invocation("get key");
        let etcdctl = outcome("key\nvalue\n", "", 0);
        assert_eq!(check(&get, &etcdctl, &etcdctl), Ok(()));
        assert!(check(&get, &etcdctl, &outcome("key\nvalue", "", 0)).is_err());
        assert!(check(&get, &etcdctl, &outcome("key\nvalue\n", "Error: x\n", 0)).is_err());
        assert!(check(&get, &etcdctl, &outcome("key\nvalue\n", "", 1)).is_err());
    }

    #[test]
    fn advice_logs_and_usage_are_not_compared() {
        let etcdctl = "{\"level\":\"warn\"}\nError: for \"etcdctl\"\nUsage:\n  etcdctl get\n\n";
        let kvctl = "Error: for \"kvctl\"\nkvctl: look there\nUsage: kvctl get\n";
        assert_eq!(own_words(etcdctl), own_words(kvctl));
        assert_eq!(own_words("Usage:\n x\n\nError: y\n"), "Error: y\n");
    }

    #[test]
    fn a_parting_must_be_the_right_one() {
        let version = invocation("version");
        let etcdctl = outcome("etcdctl version: 3.7.1\nAPI version: 3.7\n", "", 0);
        let kvctl = outcome("kvctl version: 0.1.0\nAPI version: 3.7\n", "", 0);
        assert_eq!(check(&version, &etcdctl, &kvctl), Ok(()));
        assert!(check(&version, &etcdctl, &etcdctl).is_err());
    }

    #[test]
    fn cells_are_masked_in_lines_and_tables() {
        assert_eq!(mask_cells("a:1, id, 7 kB\n", &[2]), "a:1|id|_\n");
        let table = "┌───┬──┐\n│ E │ T │\n├───┼──┤\n│ a │ 7 │\n└───┴──┘\n";
        assert_eq!(mask_cells(table, &[1]), "┌┬┐\n|E|T|\n├┼┤\n|a|_|\n└┴┘\n");
    }
}
