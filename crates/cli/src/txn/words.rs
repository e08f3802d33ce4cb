//! The words of a line: bare, in single quotes, or in double quotes with escapes.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::failure::{Exit, Failure};
use crate::go::quote::unquote;

/// Splits a line. A quote that is never closed is passed over, and a quote within a bare
/// word belongs to it.
///
/// # Errors
/// An escape between double quotes is unknown.
pub fn split(line: &str) -> Result<Vec<OsString>, Failure> {
    let mut words = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => double_quoted(rest),
            '\'' => rest[1..].find('\'').map(|end| end + 2),
            _ if first.is_ascii_whitespace() => None,
            _ => Some(
                rest.find(|character: char| character.is_ascii_whitespace()).unwrap_or(rest.len()),
            ),
        };
        let Some(length) = length else {
            rest = &rest[first.len_utf8()..];
            continue;
        };
        let word = &rest[..length];
        words.push(OsString::from_vec(match first {
            '"' => unescape(word)?,
            '\'' => word.as_bytes()[1..length - 1].to_vec(),
            _ => word.as_bytes().to_vec(),
        }));
        rest = &rest[length..];
    }
    Ok(words)
}

/// The length of the quoted word at the beginning, quotes included.
fn double_quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn unescape(word: &str) -> Result<Vec<u8>, Failure> {
    unquote(word).map(|(bytes, _)| bytes).ok_or_else(|| {
        Failure::new(Exit::InvalidInput, "invalid syntax").with_hint(format_args!(
            "{word} has an unknown escape: known are \\n \\t \\\" \\\\ \\xFF \\u00FF and the like"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        let words = split(line).expect("the line is well formed");
        words.into_iter().map(OsString::into_vec).collect()
    }

    #[test]
    fn words_are_bare_or_quoted() {
        assert_eq!(words("put a b"), [&b"put"[..], b"a", b"b"]);
        assert_eq!(words(r#"put "a b" 'c "d'"#), [&b"put"[..], b"a b", b"c \"d"]);
        assert_eq!(words(r#"put "\x00\"\xff" ''"#), [&b"put"[..], b"\x00\"\xff", b""]);
        assert_eq!(
            words(r#"put k --prev-kv="x" a"b"#),
            [&b"put"[..], b"k", b"--prev-kv=\"x\"", b"a\"b"]
        );
    }

    #[test]
    fn an_open_quote_is_passed_over() {
        assert_eq!(words(r#"put "open a"#), [&b"put"[..], b"open", b"a"]);
        assert_eq!(words("put 'open"), [&b"put"[..], b"open"]);
    }

    #[test]
    fn unknown_escapes_are_refused() {
        assert_eq!(split(r#"put "\q""#).unwrap_err().exit, Exit::InvalidInput);
    }
}
