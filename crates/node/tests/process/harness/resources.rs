//! What a process may take, and what it took.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};

/// Lets this process, and the nodes that it starts from now on, open as many files and
/// connections as the system allows at all.
pub fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .expect("a limit can be raised to its maximum");
}

/// Gives this thread the least share of the processors, see `sched(7)`.
pub fn yield_to_others() {
    setpriority_process(None, 19).expect("a thread may give way");
}

/// The most memory that a process ever had resident, in bytes; by `proc_pid_status(5)`.
pub fn peak_memory(pid: u32) -> u64 {
    of_status(pid, "VmHWM:")
}

/// The memory that a process has resident, in bytes.
pub fn memory(pid: u32) -> u64 {
    of_status(pid, "VmRSS:")
}

fn of_status(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next());
    1024 * kib.and_then(|kib| kib.parse::<u64>().ok()).expect("the kernel tells it")
}
