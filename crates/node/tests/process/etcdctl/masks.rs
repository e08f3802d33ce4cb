//! What may differ between etcd and Balsa, or between two runs of one of them.
//!
//! The list is closed: what is not here must agree to the byte. What a mask
//! covers is replaced by `_`, so that something must still be there.

use super::wire;

/// A piece of the output that is not compared.
struct Mask {
    /// For which command, by its words; none for all.
    command: &'static [&'static str],
    place: Place,
    /// Why it may differ.
    why: &'static str,
}

/// Where the piece stands.
enum Place {
    /// After this text, up to the first letter of `until` or the line's end.
    After { text: &'static str, until: &'static [char] },
    /// In this cell of each line but a table's head, counted from 0: cells are
    /// parted by commas (`simple`) or by a table's frame, whose widths are not
    /// compared then.
    Cell(usize),
}

const DIGITS_END: &[char] = &[',', '}', '\n'];
const QUOTE: &[char] = &['"'];

const OF_A_RUN: &str = "differs between two runs of etcd";
const VERSION: &str = "Balsa reports the API level that it serves, not etcd's newest version";
const SIZE: &str = "the two store their data in different ways";
const INDEX: &str = "etcd writes entries of its own to the log: members' attributes, versions";
const TERM: &str = "etcd begins at term 1 and elects in term 2, Balsa begins at 0";
const HASH: &str = "each hashes what it stores; hashes are compared between equal programs only";

/// In a table; in `simple` it is part of a sentence without commas.
const TOOK_CELL: usize = 2;

const STATUS: &[&str] = &["endpoint", "status"];
const HASHKV: &[&str] = &["endpoint", "hashkv"];
const HEALTH: &[&str] = &["endpoint", "health"];

const fn after(text: &'static str, until: &'static [char], why: &'static str) -> Mask {
    Mask { command: &[], place: Place::After { text, until }, why }
}

const fn of(command: &'static [&'static str], mut mask: Mask) -> Mask {
    mask.command = command;
    mask
}

const fn cell(command: &'static [&'static str], number: usize, why: &'static str) -> Mask {
    Mask { command, place: Place::Cell(number), why }
}

const MASKS: &[Mask] = &[
    // The client's own log, of calls that failed.
    after("\"ts\":\"", QUOTE, OF_A_RUN),
    after("etcd-endpoints://0x", &['/'], OF_A_RUN),
    after("LocalAddr: '", &['\''], OF_A_RUN),
    // The term, in each format.
    after("\"raft_term\":", DIGITS_END, TERM),
    after("\"raftTerm\":", DIGITS_END, TERM),
    after("\"RaftTerm\" : ", DIGITS_END, TERM),
    // How long a call took.
    of(HEALTH, after("took = ", &['\n'], OF_A_RUN)),
    of(HEALTH, after("\"took\":\"", QUOTE, OF_A_RUN)),
    of(HEALTH, after("\"Took\" : ", DIGITS_END, OF_A_RUN)),
    cell(HEALTH, TOOK_CELL, OF_A_RUN),
    // What a node says of itself.
    of(STATUS, after("\"version\":\"", QUOTE, VERSION)),
    of(STATUS, after("\"Version\" : \"", QUOTE, VERSION)),
    of(STATUS, after("\"storageVersion\":\"", QUOTE, VERSION)),
    of(STATUS, after("\"StorageVersion\" : \"", QUOTE, VERSION)),
    of(STATUS, after("\"dbSize\":", DIGITS_END, SIZE)),
    of(STATUS, after("\"DBSize\" : ", DIGITS_END, SIZE)),
    of(STATUS, after("\"dbSizeInUse\":", DIGITS_END, SIZE)),
    of(STATUS, after("\"DBSizeInUse\" : ", DIGITS_END, SIZE)),
    of(STATUS, after("\"raftIndex\":", DIGITS_END, INDEX)),
    of(STATUS, after("\"RaftIndex\" : ", DIGITS_END, INDEX)),
    of(STATUS, after("\"raftAppliedIndex\":", DIGITS_END, INDEX)),
    of(STATUS, after("\"RaftAppliedIndex\" : ", DIGITS_END, INDEX)),
    cell(STATUS, 2, VERSION),
    cell(STATUS, 3, VERSION),
    cell(STATUS, 4, SIZE),
    cell(STATUS, 5, SIZE),
    cell(STATUS, 6, SIZE),
    cell(STATUS, 10, TERM),
    cell(STATUS, 11, INDEX),
    cell(STATUS, 12, INDEX),
    // The hash of the store.
    of(HASHKV, after("\"hash\":", DIGITS_END, HASH)),
    of(HASHKV, after("\"Hash\" : ", DIGITS_END, HASH)),
    cell(HASHKV, 1, HASH),
];

/// What is compared of an output of the command with these words.
pub fn apply(words: &[String], output: &[u8]) -> String {
    let says = |format: &str| words.iter().any(|word| word == format);
    if says("protobuf")
        && let Some(message) = wire::without_term(output)
    {
        return message.escape_ascii().to_string();
    }
    let mut text = match std::str::from_utf8(output) {
        Ok(text) => text.to_owned(),
        Err(_) => return output.escape_ascii().to_string(),
    };
    let mut cells = Vec::new();
    for mask in MASKS.iter().filter(|mask| is_about(mask, words)) {
        match mask.place {
            Place::After { text: mark, until } => text = mask_after(&text, mark, until),
            Place::Cell(number) => cells.push(number),
        }
    }
    if cells.is_empty() || says("json") || says("fields") {
        text
    } else {
        mask_cells(&text, &cells)
    }
}

fn is_about(mask: &Mask, words: &[String]) -> bool {
    mask.command.is_empty()
        || words.windows(mask.command.len()).any(|window| window == mask.command)
}

/// Replaces what follows each occurrence of the mark.
fn mask_after(text: &str, mark: &str, until: &[char]) -> String {
    let mut pieces = text.split(mark);
    let mut masked = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(until).or_else(|| piece.find('\n')).unwrap_or(piece.len());
        masked.push_str(mark);
        masked.push('_');
        masked.push_str(&piece[end..]);
    }
    masked
}

/// Replaces cells in each line that has them.
fn mask_cells(text: &str, cells: &[usize]) -> String {
    let has_head = text.starts_with('┌');
    let lines = text.lines().enumerate().map(|(number, line)| {
        if line.starts_with(['┌', '├', '└']) {
            let mut border = line.replace('─', "");
            border.push('─');
            return border;
        }
        let (parted_by, is_head) = if has_head { ('│', number == 1) } else { (',', false) };
        let row = line.trim_matches(parted_by).split(parted_by).enumerate();
        let row = row.map(|(number, cell)| match cell.trim() {
            cell if is_head || cell.is_empty() || !cells.contains(&number) => cell,
            _ => "_",
        });
        row.collect::<Vec<_>>().join(" | ")
    });
    lines.map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(command: &str, output: &str) -> String {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        apply(&words, output.as_bytes())
    }

    #[test]
    fn every_mask_says_why() {
        assert!(MASKS.iter().all(|mask| !mask.why.is_empty()));
    }

    #[test]
    fn what_follows_a_mark_is_covered_and_nothing_else() {
        assert_eq!(
            masked("put a b", r#"{"header":{"revision":7,"raft_term":2},"raft_term":33}"#),
            r#"{"header":{"revision":7,"raft_term":_},"raft_term":_}"#
        );
        assert_eq!(
            masked("get a", "\"RaftTerm\" : 2\n\"Version\" : 2\n"),
            "\"RaftTerm\" : _\n\"Version\" : 2\n"
        );
        assert_eq!(masked("get a", r#"{"version":"1"}"#), r#"{"version":"1"}"#);
        assert_eq!(masked("endpoint status -w json", r#"{"version":"1"}"#), r#"{"version":"_"}"#);
        assert_eq!(
            masked("endpoint health", "a is healthy: took = 3ms\nb\n"),
            "a is healthy: took = _\nb\n"
        );
    }

    #[test]
    fn cells_are_covered_in_lines_and_in_tables() {
        assert_eq!(masked("endpoint hashkv", "a:1, 77, 8\n"), "a:1 | _ | 8\n");
        let table = "┌──┬─┐\n│ E │ HASH │\n├──┼─┤\n│ a │ 7 │\n└──┴─┘\n";
        assert_eq!(
            masked("endpoint hashkv -w table", table),
            "┌┬┐─\nE | HASH\n├┼┤─\na | _\n└┴┘─\n"
        );
        assert_eq!(masked("get a -w table", table), table, "other tables agree in their widths");
    }
}
