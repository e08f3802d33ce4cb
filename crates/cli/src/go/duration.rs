//! Durations such as `1.5s` and `2m0.5s`.

use std::time::Duration;

use super::quote::quote;

/// The units, the longest name first where one begins another.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// Reads a duration.
///
/// # Errors
/// The text is none, or it is negative: no flag of this client has a use for that.
pub fn parse(text: &str) -> Result<Duration, String> {
    let invalid = || format!("time: invalid duration {}", quote(text.as_bytes()));
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut nanoseconds = 0.0;
    while !rest.is_empty() {
        let number = leading(rest, |character| character.is_ascii_digit() || character == '.');
        rest = &rest[number.len()..];
        let value: f64 = number.parse().map_err(|_| invalid())?;
        let unit = leading(rest, |character| !character.is_ascii_digit() && character != '.');
        rest = &rest[unit.len()..];
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(text.as_bytes())));
        }
        let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!(
                "time: unknown unit {} in duration {}",
                quote(unit.as_bytes()),
                quote(text.as_bytes())
            ));
        };
        nanoseconds += value * factor;
    }
    if nanoseconds > i64::MAX as f64 {
        return Err(invalid());
    }
    Ok(Duration::from_nanos(nanoseconds as u64))
}

/// Writes a duration with the largest unit that leaves a whole part.
pub fn format(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    match nanoseconds {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanoseconds}ns"),
        1_000..1_000_000 => format!("{}µs", decimal(nanoseconds, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", decimal(nanoseconds, 1_000_000)),
        _ => {
            let minutes = nanoseconds / 60_000_000_000;
            let seconds = decimal(nanoseconds % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// `value / unit` without zeros at its end.
fn decimal(value: u128, unit: u128) -> String {
    let digits = unit.ilog10() as usize;
    let text = format!("{}.{:0digits$}", value / unit, value % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn leading(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|character| !belongs(character)).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, milliseconds) in [
            ("5s", 5_000),
            ("1.5s", 1_500),
            ("2m", 120_000),
            ("1h2m3s", 3_723_000),
            ("0", 0),
            ("250ms", 250),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn errors_are_gos() {
        assert_eq!(parse("5x").unwrap_err(), r#"time: unknown unit "x" in duration "5x""#);
        assert_eq!(parse("5").unwrap_err(), r#"time: missing unit in duration "5""#);
        assert_eq!(parse("x").unwrap_err(), r#"time: invalid duration "x""#);
        assert_eq!(parse("").unwrap_err(), r#"time: invalid duration """#);
    }

    #[test]
    fn durations_are_written() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (12, "12ns"),
            (1_500, "1.5µs"),
            (5_123_373, "5.123373ms"),
            (1_010_477_632, "1.010477632s"),
            (60_000_000_000, "1m0s"),
            (3_723_500_000_000, "1h2m3.5s"),
        ] {
            assert_eq!(format(Duration::from_nanos(nanoseconds)), text);
        }
    }
}
