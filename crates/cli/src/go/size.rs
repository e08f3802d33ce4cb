//! Sizes in bytes, for people: powers of 1000, one decimal below ten.

const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/// Writes a size such as `20 kB` or `2.1 GB`.
pub fn format(bytes: u64) -> String {
    if bytes < 10 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut divisor = 1_u64;
    while bytes / divisor >= 1000 {
        divisor *= 1000;
        unit += 1;
    }
    // Rounded half up at the first decimal, before the digits are counted.
    let tenths = (bytes as f64 / divisor as f64 * 10.0 + 0.5).floor() / 10.0;
    if tenths < 10.0 {
        format!("{tenths:.1} {}", UNITS[unit])
    } else {
        format!("{tenths:.0} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (9, "9 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (20_480, "20 kB"),
            (2_147_483_648, "2.1 GB"),
            (9_960, "10 kB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(super::format(bytes), text);
        }
    }
}
