//! What the system knows of this process, under the names that Prometheus' own
//! clients use. Where the system does not tell, there is nothing.

use std::fs;

use ::metrics::Gauge;

use super::registry::Registry;

/// The gauges.
pub struct Process {
    cpu: Gauge,
    resident: Gauge,
    virtual_memory: Gauge,
    open_fds: Gauge,
    max_fds: Gauge,
    start_time: Gauge,
    threads: Gauge,
}

impl Process {
    /// Registers them.
    pub fn new(registry: &Registry) -> Process {
        let gauge = |name, help| registry.gauge(name, help, &[]);
        Process {
            cpu: gauge("process_cpu_seconds_total", "CPU time spent, user and system."),
            resident: gauge("process_resident_memory_bytes", "Memory that is resident."),
            virtual_memory: gauge("process_virtual_memory_bytes", "Memory that is mapped."),
            open_fds: gauge("process_open_fds", "File descriptors that are open."),
            max_fds: gauge("process_max_fds", "File descriptors that may be open."),
            start_time: gauge("process_start_time_seconds", "When it started, since 1970."),
            threads: gauge("process_threads", "Threads of the process."),
        }
    }

    /// Sets them to what is now.
    pub fn set(&self) {
        if let Some(stat) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(parse) {
            let ticks = rustix::param::clock_ticks_per_second() as f64;
            self.cpu.set(stat.cpu_ticks as f64 / ticks);
            self.virtual_memory.set(stat.virtual_bytes as f64);
            self.resident.set(stat.resident_pages as f64 * rustix::param::page_size() as f64);
            self.threads.set(stat.threads as f64);
            if let Some(boot) = boot_time() {
                self.start_time.set(boot + stat.start_ticks as f64 / ticks);
            }
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            // The folder itself is open meanwhile.
            self.open_fds.set(open.count().saturating_sub(1) as f64);
        }
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        self.max_fds.set(limit.current.map_or(f64::INFINITY, |limit| limit as f64));
    }
}

/// What `/proc/self/stat` tells.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    cpu_ticks: u64,
    threads: u64,
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

fn parse(text: &str) -> Option<Stat> {
    // The name is in parentheses and may hold anything; the state is the third field.
    let (_, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Stat {
        cpu_ticks: field(14)? + field(15)?,
        threads: field(20)?,
        start_ticks: field(22)?,
        virtual_bytes: field(23)?,
        resident_pages: field(24)?,
    })
}

/// When the machine started, in seconds since 1970.
fn boot_time() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_any_name() {
        let text = "7 (a) b) c) S 1 7 7 0 -1 4194560 99 0 0 0 11 4 0 0 20 0 6 0 500 8192 3 \
                    18446744073709551615";
        let expected = Stat {
            cpu_ticks: 15,
            threads: 6,
            start_ticks: 500,
            virtual_bytes: 8192,
            resident_pages: 3,
        };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse("7 (balsa) S 1"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_told() {
        let text = fs::read_to_string("/proc/self/stat").expect("the system tells");
        let stat = parse(&text).expect("it is understood");
        assert!(stat.threads >= 1 && stat.resident_pages > 0);
        assert!(boot_time().is_some_and(|boot| boot > 1e9));
    }
}
