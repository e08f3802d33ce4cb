//! Whole numbers and booleans, with the errors that Go gives for them.

/// A signed 64-bit number in the given base (2 to 36).
///
/// # Errors
/// The text is no number of this base, or does not fit.
pub fn parse_int(text: &str, base: u32) -> Result<i64, String> {
    // Rust takes `+5` and `-5` as Go does, and neither takes underscores here.
    i64::from_str_radix(text, base).map_err(|error| {
        use std::num::IntErrorKind::{NegOverflow, PosOverflow};
        let reason = match error.kind() {
            PosOverflow | NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        failed("ParseInt", text, reason)
    })
}

/// An unsigned 64-bit number in the given base (2 to 36).
///
/// # Errors
/// The text is no number of this base, or does not fit.
pub fn parse_uint(text: &str, base: u32) -> Result<u64, String> {
    // Go takes no sign here, and Rust takes a `+`.
    if text.starts_with('+') {
        return Err(failed("ParseUint", text, "invalid syntax"));
    }
    u64::from_str_radix(text, base).map_err(|error| {
        let reason = match error.kind() {
            std::num::IntErrorKind::PosOverflow => "value out of range",
            _ => "invalid syntax",
        };
        failed("ParseUint", text, reason)
    })
}

/// A flag's number: decimal, or with one of the prefixes `0x`, `0o`, `0b` and `0`.
///
/// # Errors
/// The text is no number, or does not fit.
pub fn parse_flag_int(text: &str) -> Result<i64, String> {
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (&text[..1], rest),
        None => ("", text),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, skip) = match lower.as_bytes() {
        [b'0', b'x', _, ..] => (16, 2),
        [b'0', b'o', _, ..] => (8, 2),
        [b'0', b'b', _, ..] => (2, 2),
        [b'0', _, ..] => (8, 1),
        _ => (10, 0),
    };
    let rest = &digits[skip..];
    // A second sign would be taken for part of the digits.
    if rest.starts_with(['-', '+']) {
        return Err(failed("ParseInt", text, "invalid syntax"));
    }
    parse_int(&format!("{sign}{rest}"), base).map_err(|error| {
        let reason = if error.ends_with("range") { "value out of range" } else { "invalid syntax" };
        failed("ParseInt", text, reason)
    })
}

/// A boolean in any of the spellings that Go knows.
///
/// # Errors
/// The text is none of them.
pub fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(failed("ParseBool", text, "invalid syntax")),
    }
}

fn failed(function: &str, text: &str, reason: &str) -> String {
    format!("strconv.{function}: parsing {}: {reason}", super::quote::quote(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_flags_take_prefixes() {
        for (text, value) in [
            ("0", 0),
            ("12", 12),
            ("-3", -3),
            ("+3", 3),
            ("0x1F", 31),
            ("010", 8),
            ("0b11", 3),
            ("-0o17", -15),
        ] {
            assert_eq!(parse_flag_int(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_told_in_gos_words() {
        assert_eq!(
            parse_flag_int("x").unwrap_err(),
            r#"strconv.ParseInt: parsing "x": invalid syntax"#
        );
        assert_eq!(
            parse_flag_int("9223372036854775808").unwrap_err(),
            r#"strconv.ParseInt: parsing "9223372036854775808": value out of range"#
        );
        for text in ["", "-", "0x", "08", "--1", "1_0", "0x-1"] {
            assert!(parse_flag_int(text).is_err(), "{text}");
        }
        assert_eq!(
            parse_bool("maybe").unwrap_err(),
            r#"strconv.ParseBool: parsing "maybe": invalid syntax"#
        );
    }
}
