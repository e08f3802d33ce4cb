//! `docs/known-failures.md` has a row for each failure, each row a test that
//! exists, each script about a failure a place in its row, and each bug that the
//! simulator can plant its name there.

use std::collections::BTreeMap;

use super::sources;

const DOCUMENT: &str = "docs/known-failures.md";

/// The scripts about failures, each named after its row: `F01_…`.
const SCRIPTS: &str = "crates/raft-core/tests/scripts/failures";

/// How many failures there are: F01 to F44.
const FAILURES: usize = 44;

/// What the test cell says of a failure that has no test yet.
const PENDING: &str = "pending";

/// Where the bugs are named that can be planted: by crate, in the order of the rows.
const PLANTED: [&str; 5] = [
    "crates/raft-core/src/planted.rs",
    "crates/node/src/driver/planted.rs",
    "crates/raft-storage/src/planted.rs",
    "crates/kv-statemachine/src/planted.rs",
    "crates/sim/src/mutation/transport_bug.rs",
];

/// A row: `| F01 | failure | how it arises | protection | tests | planted as |`.
struct Row {
    id: String,
    tests: String,
    planted: String,
}

#[test]
fn every_failure_has_its_row_and_its_test() {
    let (rows, mut wrong) = parse(&sources::read(DOCUMENT).text);
    wrong.extend(check(&rows, &text_of));
    let scripts = scripts();
    assert!(scripts.len() > 40, "only {} scripts were found in {SCRIPTS}", scripts.len());
    wrong.extend(unnamed(&rows, &scripts));
    wrong.extend(unplanted(&rows, &planted()));
    assert!(wrong.is_empty(), "{DOCUMENT} is wrong:\n  {}", wrong.join("\n  "));
    let pending = rows.iter().filter(|row| row.tests == PENDING).count();
    println!("known failures: {} with a test, {pending} {PENDING}", rows.len() - pending);
}

#[test]
fn wrong_tables_are_reported() {
    let text_of = |path: &str| (path == "there.rs").then(|| "fn found() {}".to_owned());
    let with = |row: usize, line: &str| {
        let mut lines: Vec<String> = (1..=FAILURES)
            .map(|number| format!("| F{number:02} | a | b | c | pending | none: d |"))
            .collect();
        lines[row - 1] = line.to_owned();
        let (rows, mut wrong) = parse(&lines.join("\n"));
        wrong.extend(check(&rows, &text_of));
        wrong
    };
    let none: [&str; 0] = [];

    assert_eq!(with(1, "| F01 | a | b | c | pending | none: d |"), none);
    assert_eq!(with(1, "| F01 | a | b | c | `there.rs`, `there.rs::found` | none: d |"), none);
    assert_eq!(with(7, ""), ["F07 has no row"]);
    assert_eq!(
        with(7, "| F08 | a | b | c | pending | none: d |"),
        ["F07 has no row", "F08 has 2 rows"]
    );
    assert_eq!(
        with(7, "| F45 | a | b | c | pending | none: d |"),
        ["F07 has no row", "F45 is unknown"]
    );
    assert_eq!(with(7, "| F07 | a | b | pending |"), ["F07: 4 cells, not 6", "F07 has no row"]);
    assert_eq!(
        with(7, "| F07 | a |  | c | pending | none: d |"),
        ["F07: a cell is empty", "F07 has no row"]
    );
    assert_eq!(
        with(7, "| F07 | a | b | c | `gone.rs` | none: d |"),
        ["F07: gone.rs does not exist"]
    );
    assert_eq!(
        with(7, "| F07 | a | b | c | `there.rs::lost` | none: d |"),
        ["F07: there.rs has no function `lost`"]
    );
    let neither = "F07: `some test` is neither a path in backticks nor the word pending";
    assert_eq!(with(7, "| F07 | a | b | c | some test | none: d |"), [neither]);
}

#[test]
fn scripts_without_a_row_are_reported() {
    let line =
        format!("| F07 | a | b | c | `{SCRIPTS}/F07_one`, `{SCRIPTS}/F08_other` | none: d |");
    let (rows, _) = parse(&line);
    let none: [&str; 0] = [];
    assert_eq!(unnamed(&rows, &["F07_one".to_owned()]), none);
    assert_eq!(
        unnamed(&rows, &["F07_two".to_owned(), "F08_other".to_owned()]),
        ["F07 does not name the script F07_two", "F08 does not name the script F08_other"]
    );
}

#[test]
fn rows_that_do_not_name_their_bug_are_reported() {
    let wrong = |cell: &str| {
        let (rows, _) = parse(&format!("| F07 | a | b | c | pending | {cell} |"));
        unplanted(&rows, &BTreeMap::from([("F07".to_owned(), vec!["a-bug".to_owned()])]))
    };
    let none: [&str; 0] = [];
    assert_eq!(wrong("`a-bug`"), none);
    let says = |what: &str| [format!("F07 says {what}, and what can be planted is `a-bug`")];
    assert_eq!(wrong("`b-bug`"), says("`b-bug`"));
    assert_eq!(wrong("none: it is hard"), says("none: it is hard"));
    let (rows, _) = parse("| F08 | a | b | c | pending | nothing |");
    let unexplained = unplanted(&rows, &BTreeMap::new());
    assert_eq!(unexplained, ["F08 says nothing, and what can be planted is none: with a reason"]);
}

/// The bugs that can be planted, by their rows.
pub fn planted() -> BTreeMap<String, Vec<String>> {
    let mut by_row: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in PLANTED {
        let text = sources::read(path).text;
        let arms =
            || text.lines().filter_map(|line| line.trim().strip_suffix(',')?.split_once(" => "));
        let names: BTreeMap<&str, &str> = arms()
            .filter_map(|(bug, name)| Some((bug, name.strip_prefix('"')?.strip_suffix('"')?)))
            .collect();
        assert!(!names.is_empty(), "{path} names no bug");
        for (bug, row) in arms() {
            if let (Ok(row), Some(name)) = (row.parse::<u8>(), names.get(bug)) {
                by_row.entry(format!("F{row:02}")).or_default().push((*name).to_owned());
            }
        }
    }
    by_row
}

/// The rows whose last cell is not the bugs that can be planted, or a reason for none.
fn unplanted(rows: &[Row], planted: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut wrong = Vec::new();
    for Row { id, planted: cell, .. } in rows {
        let expected = match planted.get(id) {
            Some(names) => {
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            }
            None if cell.starts_with("none: ") => cell.clone(),
            None => "none: with a reason".to_owned(),
        };
        if *cell != expected {
            wrong.push(format!("{id} says {cell}, and what can be planted is {expected}"));
        }
    }
    wrong
}

/// The names of the scripts about failures, in order.
fn scripts() -> Vec<String> {
    let folder = sources::root().join(SCRIPTS);
    let files = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{SCRIPTS} cannot be listed: {error}"));
    let name = |file: std::io::Result<std::fs::DirEntry>| {
        file.expect("a folder can be listed").file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<String> = files.map(name).collect();
    names.sort();
    names
}

/// The scripts that the row which they are called after does not name.
fn unnamed(rows: &[Row], scripts: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    for script in scripts {
        let id = script.split('_').next().unwrap_or(script);
        let quoted = format!("`{SCRIPTS}/{script}`");
        let named = |row: &Row| row.id == id && row.tests.split(',').any(|t| t.trim() == quoted);
        if !rows.iter().any(named) {
            wrong.push(format!("{id} does not name the script {script}"));
        }
    }
    wrong
}

/// The rows, and what is wrong with those that are none.
fn parse(document: &str) -> (Vec<Row>, Vec<String>) {
    let mut rows = Vec::new();
    let mut wrong = Vec::new();
    for line in document.lines().filter(|line| line.starts_with("| F")) {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let id = cells[0];
        if !id[1..].starts_with(|letter: char| letter.is_ascii_digit()) {
            continue;
        }
        if cells.len() != 6 {
            wrong.push(format!("{id}: {} cells, not 6", cells.len()));
        } else if cells.iter().any(|cell| cell.is_empty()) {
            wrong.push(format!("{id}: a cell is empty"));
        } else {
            let (tests, planted) = (cells[4].to_owned(), cells[5].to_owned());
            rows.push(Row { id: id.to_owned(), tests, planted });
        }
    }
    (rows, wrong)
}

/// What is wrong with the rows. `text_of` gives a file's text, if it exists.
fn check(rows: &[Row], text_of: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> =
        (1..=FAILURES).map(|number| (format!("F{number:02}"), 0)).collect();
    let mut unknown = Vec::new();
    for row in rows {
        match counts.get_mut(&row.id) {
            Some(count) => *count += 1,
            None => unknown.push(format!("{} is unknown", row.id)),
        }
    }
    let mut wrong = Vec::new();
    for (id, count) in counts {
        match count {
            0 => wrong.push(format!("{id} has no row")),
            1 => {}
            more => wrong.push(format!("{id} has {more} rows")),
        }
    }
    wrong.extend(unknown);
    for row in rows.iter().filter(|row| row.tests != PENDING) {
        let tests = row.tests.split(',').map(str::trim);
        let faults = tests.filter_map(|test| fault_of(test, text_of));
        wrong.extend(faults.map(|fault| format!("{}: {fault}", row.id)));
    }
    wrong
}

/// What is wrong with the name of one test: `` `path` `` or `` `path::function` ``.
fn fault_of(test: &str, text_of: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let Some(name) = test.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) else {
        return Some(format!("`{test}` is neither a path in backticks nor the word {PENDING}"));
    };
    let (path, function) = match name.split_once("::") {
        Some((path, function)) => (path, Some(function)),
        None => (name, None),
    };
    let Some(text) = text_of(path) else { return Some(format!("{path} does not exist")) };
    let function = function?;
    (!text.contains(&format!("fn {function}(")))
        .then(|| format!("{path} has no function `{function}`"))
}

fn text_of(path: &str) -> Option<String> {
    std::fs::read_to_string(sources::root().join(path)).ok()
}
