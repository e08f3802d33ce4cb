//! Quoted strings: written as Go's `%q` does, and read back.

use std::fmt::Write;

/// Quotes bytes. What is printable stays; the rest, and what is not UTF-8, is escaped.
pub fn quote(bytes: &[u8]) -> String {
    let mut quoted = String::with_capacity(bytes.len() + 2);
    quoted.push('"');
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|character| push_escaped(&mut quoted, character));
        for byte in chunk.invalid() {
            push_hex(&mut quoted, *byte);
        }
    }
    quoted.push('"');
    quoted
}

/// Reads the quoted string (`"..."` with escapes, or `` `...` `` without) at the
/// beginning of a text; the bytes it stands for, and what follows it. Nothing if the
/// text begins with no well-formed quoted string.
pub fn unquote(text: &str) -> Option<(Vec<u8>, &str)> {
    if let Some(raw) = text.strip_prefix('`') {
        let (inside, rest) = raw.split_once('`')?;
        return Some((inside.as_bytes().to_vec(), rest));
    }
    let mut bytes = Vec::new();
    let mut rest = text.strip_prefix('"')?;
    loop {
        let character = rest.chars().next()?;
        rest = &rest[character.len_utf8()..];
        match character {
            '"' => return Some((bytes, rest)),
            '\n' => return None,
            '\\' => rest = unescape(rest, &mut bytes)?,
            _ => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn push_escaped(quoted: &mut String, character: char) {
    match character {
        '"' => quoted.push_str("\\\""),
        '\\' => quoted.push_str("\\\\"),
        '\x07' => quoted.push_str("\\a"),
        '\x08' => quoted.push_str("\\b"),
        '\x0c' => quoted.push_str("\\f"),
        '\n' => quoted.push_str("\\n"),
        '\r' => quoted.push_str("\\r"),
        '\t' => quoted.push_str("\\t"),
        '\x0b' => quoted.push_str("\\v"),
        _ if is_printable(character) => quoted.push(character),
        _ => match u32::from(character) {
            code @ ..0x80 => push_hex(quoted, code as u8),
            code @ ..0x1_0000 => push_formatted(quoted, format_args!("\\u{code:04x}")),
            code => push_formatted(quoted, format_args!("\\U{code:08x}")),
        },
    }
}

/// Whether Go prints the character as it is: the space, and letters, marks, numbers,
/// punctuation and symbols.
fn is_printable(character: char) -> bool {
    if character == ' ' {
        return true;
    }
    if character.is_whitespace() || character.is_control() {
        return false;
    }
    // Rust escapes the same characters in its own quoted strings; behind a letter it
    // leaves marks alone, as Go does everywhere.
    let quoted: String = format!("a{character}").escape_debug().collect();
    !quoted.contains("\\u{")
}

fn push_hex(quoted: &mut String, byte: u8) {
    push_formatted(quoted, format_args!("\\x{byte:02x}"));
}

fn push_formatted(quoted: &mut String, arguments: std::fmt::Arguments<'_>) {
    quoted.write_fmt(arguments).expect("a string takes all that is written to it");
}

/// Reads what follows a backslash.
fn unescape<'a>(text: &'a str, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let kind = text.chars().next()?;
    let rest = &text[kind.len_utf8()..];
    let simple = match kind {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '"' => b'"',
        'x' => return digits(rest, 2, 16, |code| push_byte(bytes, code)),
        '0'..='7' => return digits(text, 3, 8, |code| push_byte(bytes, code)),
        'u' => return digits(rest, 4, 16, |code| push_char(bytes, code)),
        'U' => return digits(rest, 8, 16, |code| push_char(bytes, code)),
        _ => return None,
    };
    bytes.push(simple);
    Some(rest)
}

/// Takes so many digits, gives their value away, and returns what follows.
fn digits(
    text: &str,
    count: usize,
    base: u32,
    take: impl FnOnce(u32) -> Option<()>,
) -> Option<&str> {
    let number = text.get(..count)?;
    if number.starts_with('+') {
        return None;
    }
    take(u32::from_str_radix(number, base).ok()?)?;
    Some(&text[count..])
}

fn push_byte(bytes: &mut Vec<u8>, code: u32) -> Option<()> {
    bytes.push(u8::try_from(code).ok()?);
    Some(())
}

fn push_char(bytes: &mut Vec<u8>, code: u32) -> Option<()> {
    let character = char::from_u32(code)?;
    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_escapes_what_cannot_be_seen() {
        for (bytes, quoted) in [
            (&b"plain"[..], r#""plain""#),
            (b"a\"b\\c", r#""a\"b\\c""#),
            (b"\x00\n\x7f", r#""\x00\n\x7f""#),
            (b"\xff\xc3", r#""\xff\xc3""#),
            ("grün e\u{301}".as_bytes(), "\"grün e\u{301}\""),
            ("\u{a0}\u{200b}\u{e0001}".as_bytes(), r#""\u00a0\u200b\U000e0001""#),
        ] {
            assert_eq!(quote(bytes), quoted);
        }
    }

    #[test]
    fn all_bytes_survive_quoting() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unquote(&quote(&all)), Some((all, "")));
    }

    #[test]
    fn reading_stops_behind_the_quote() {
        assert_eq!(unquote(r#""k") = "v""#), Some((b"k".to_vec(), r#") = "v""#)));
        assert_eq!(unquote("`a\\b` c"), Some((b"a\\b".to_vec(), " c")));
        assert_eq!(unquote(r#""\x41\101\u00fc""#), Some(("AAü".into(), "")));
    }

    #[test]
    fn malformed_strings_are_refused() {
        for text in [
            "",
            "k",
            "\"open",
            r#""\q""#,
            r#""\x4""#,
            r#""\400""#,
            r#""\ud800""#,
            r#""\x+1""#,
            "`open",
        ] {
            assert_eq!(unquote(text), None, "{text}");
        }
    }
}
