//! How long a client waits for an answer, as it says so itself in `grpc-timeout`.

use std::time::Duration;

/// Digits and a unit.
const LONGEST: usize = 9;

/// Reads a timeout.
///
/// # Errors
///
/// What is wrong with it, in the words of Go's gRPC.
pub fn parse(text: &str) -> Result<Duration, String> {
    if text.len() < 2 {
        return Err(format!("transport: timeout string is too short: {text:?}"));
    }
    if text.len() > LONGEST {
        return Err(format!("transport: timeout string is too long: {text:?}"));
    }
    let unit: fn(u64) -> Duration = match text.as_bytes()[text.len() - 1] {
        b'H' => |n| Duration::from_secs(n * 3600),
        b'M' => |n| Duration::from_secs(n * 60),
        b'S' => Duration::from_secs,
        b'm' => Duration::from_millis,
        b'u' => Duration::from_micros,
        b'n' => Duration::from_nanos,
        _ => return Err(format!("transport: timeout unit is not recognized: {text:?}")),
    };
    let digits = &text[..text.len() - 1];
    // A sign is no digit.
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse());
    match number {
        Some(Ok(number)) => Ok(unit(number)),
        _ => Err(format!("strconv.ParseUint: parsing {digits:?}: invalid syntax")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_those_of_grpc() {
        for (text, expected) in [
            ("99999999H", Duration::from_secs(99_999_999 * 3600)),
            ("2M", Duration::from_secs(120)),
            ("3S", Duration::from_secs(3)),
            ("4m", Duration::from_millis(4)),
            ("5u", Duration::from_micros(5)),
            ("6n", Duration::from_nanos(6)),
        ] {
            assert_eq!(parse(text), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_time_is_named() {
        for (text, expected) in [
            ("", "transport: timeout string is too short: \"\""),
            ("123456789S", "transport: timeout string is too long: \"123456789S\""),
            ("1d", "transport: timeout unit is not recognized: \"1d\""),
            ("+1S", "strconv.ParseUint: parsing \"+1\": invalid syntax"),
        ] {
            assert_eq!(parse(text), Err(expected.to_owned()));
        }
    }
}
