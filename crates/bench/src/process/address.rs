//! Loopback addresses of one's own.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many addresses a process has before they repeat.
const PER_PROCESS: u32 = 64;

/// A loopback address that no other caller in this process has, and that no
/// other process has whose id differs in the low 16 bits: with an address of its
/// own a cluster can use the same ports as every other.
pub fn loopback() -> Ipv4Addr {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    nth(std::process::id(), TAKEN.fetch_add(1, Ordering::Relaxed))
}

/// The `n`-th address of the process.
fn nth(process: u32, n: u32) -> Ipv4Addr {
    let [_, _, high, low] = process.to_be_bytes();
    let [_, _, _, second] = (128 + n % PER_PROCESS).to_be_bytes();
    Ipv4Addr::new(127, second, high, low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_processes_and_callers_differ() {
        assert_eq!(nth(0x1234, 0), Ipv4Addr::new(127, 128, 0x12, 0x34));
        assert_ne!(nth(1, 0), nth(2, 0));
        assert_ne!(nth(1, 0), nth(1, 1));
        assert_eq!(nth(1, 0), nth(1, PER_PROCESS));
        assert_ne!(loopback(), loopback());
        assert!(loopback().is_loopback());
    }
}
