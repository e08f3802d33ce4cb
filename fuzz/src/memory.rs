//! How much memory is taken for an input: what anybody can send must not cost many
//! times its length.

/// What may be taken whatever the input is, in bytes.
const FLOOR: usize = 256 * 1024;

/// Runs something that was given so many bytes, and asserts that it never holds more
/// than so many bytes for each of them, beside a floor.
///
/// # Panics
///
/// If it does.
pub fn bounded<T>(given: usize, each: usize, run: impl FnOnce() -> T) -> T {
    let mut result = None;
    let taken = allocation_counter::measure(|| result = Some(run()));
    let most = (FLOOR + given * each) as u64;
    assert!(taken.bytes_max <= most, "{} bytes are held for {given}", taken.bytes_max);
    result.expect("it ran")
}
