//! The CPU time that a process has used.

use std::fs;
use std::time::Duration;

use super::error::ProcessError;

/// User and system time of all threads of a process since it began, those that
/// ended included, in steps of a clock tick (10 ms on Linux).
///
/// # Errors
///
/// [`ProcessError::NoCpuTime`] if the process is gone or `/proc` is not what is
/// documented in `proc_pid_stat(5)`.
pub fn cpu_time(pid: u32) -> Result<Duration, ProcessError> {
    let path = format!("/proc/{pid}/stat");
    let no_time = |reason: String| ProcessError::NoCpuTime { path: path.clone(), reason };
    let stat = fs::read_to_string(&path).map_err(|error| no_time(error.to_string()))?;
    let ticks = ticks(&stat).ok_or_else(|| no_time("fields 14 and 15 are missing".into()))?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// `utime` and `stime` in a line of `/proc/PID/stat`. The second field, the
/// program's name, may hold blanks and parentheses: the last one closes it.
fn ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added() {
        let stat = "7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 31 11 13 14 15";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("7 (a) S 1 2 3"), None);
        assert_eq!(ticks(""), None);
    }

    #[test]
    fn this_process_has_used_some_time() {
        let began = cpu_time(std::process::id()).expect("this process runs");
        let mut sum = 0_u64;
        while cpu_time(std::process::id()).expect("this process runs") <= began {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
    }

    #[test]
    fn a_process_that_is_gone_is_an_error() {
        let error = cpu_time(u32::MAX).expect_err("no process has this id");
        assert!(error.to_string().contains("/proc/4294967295/stat"), "{error}");
    }
}
