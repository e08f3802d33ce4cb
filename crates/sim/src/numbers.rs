//! Lists of numbers as they stand on a command line: `3,7-9`; `none` if there are
//! none.

/// Writes a list that rises.
pub fn written(numbers: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => runs.push((number, number)),
        }
    }
    if runs.is_empty() {
        return "none".to_owned();
    }
    let words: Vec<String> = runs
        .iter()
        .map(
            |(first, last)| {
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            },
        )
        .collect();
    words.join(",")
}

/// Reads a list.
///
/// # Errors
///
/// What cannot be read.
pub fn read(text: &str) -> Result<Vec<u32>, String> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let mut numbers = Vec::new();
    for word in text.split(',') {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let number = |text: &str| {
            text.parse::<u32>().map_err(|error| format!("{text:?} is not a number: {error}"))
        };
        let (first, last) = (number(first)?, number(last)?);
        if first > last || last - first > MOST {
            return Err(format!("{word}: not a range of at most {MOST} numbers"));
        }
        numbers.extend(first..=last);
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

/// A range holds at most so many.
const MOST: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for numbers in [vec![], vec![7], vec![1, 2, 3], vec![1, 3, 4, 9], vec![u32::MAX]] {
            assert_eq!(read(&written(&numbers)), Ok(numbers.clone()), "{}", written(&numbers));
        }
        assert_eq!(written(&[1, 3, 4, 9]), "1,3-4,9");
        assert_eq!(read("5-6,1,6"), Ok(vec![1, 5, 6]));
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (text, word) in
            [("", "\"\""), ("1,x", "\"x\""), ("9-3", "9-3"), ("0-4294967295", "range")]
        {
            let error = read(text).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
