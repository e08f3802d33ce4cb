//! The format `table`: a box of cells, for lists of members and endpoints.
//!
//! Headings stand in the middle of their column, cells at its right edge.

use super::{Answer, rows};

/// The table of an answer; nothing if it is not a list.
pub fn render(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Members(list) => Some(table(&rows::MEMBERS, &rows::members(list))),
        Answer::Health(list) => Some(table(&rows::HEALTH, &rows::health(list))),
        Answer::Status(list) => Some(table(&rows::STATUS, &rows::status(list))),
        Answer::Hash(list) => Some(table(&rows::HASHES, &rows::hashes(list))),
        Answer::Put(_)
        | Answer::Get(_)
        | Answer::Del(_)
        | Answer::Txn(_)
        | Answer::Alarms(_)
        | Answer::Changed(_)
        | Answer::Moved(_) => None,
    }
}

fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(column, heading)| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([heading.chars().count()]).max().unwrap_or(0)
        })
        .collect();

    let mut text = border(&widths, "┌", "┬", "┐");
    text += &row(headings.iter().zip(&widths).map(|(heading, width)| format!("{heading:^width$}")));
    if !rows.is_empty() {
        text += &border(&widths, "├", "┼", "┤");
    }
    for cells in rows {
        text += &row(cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}")));
    }
    text + &border(&widths, "└", "┴", "┘")
}

fn border(widths: &[usize], left: &str, between: &str, right: &str) -> String {
    let lines: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
    format!("{left}{}{right}\n", lines.join(between))
}

fn row(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.collect();
    format!("│ {} │\n", cells.join(" │ "))
}

#[cfg(test)]
mod tests {
    #[test]
    fn headings_are_centred_and_cells_at_the_right() {
        let rows = [vec!["127.0.0.1:2379".to_owned(), "7".to_owned()]];
        assert_eq!(
            super::table(&["ENDPOINT", "HASH"], &rows),
            "┌────────────────┬──────┐\n\
             │    ENDPOINT    │ HASH │\n\
             ├────────────────┼──────┤\n\
             │ 127.0.0.1:2379 │    7 │\n\
             └────────────────┴──────┘\n"
        );
    }
}
