//! The fuzzer's targets that stand on this crate, on what it found and some more.

#[path = "../../../fuzz/src/input.rs"]
mod input;
#[path = "../../../fuzz/src/log.rs"]
mod log;
#[path = "../../../fuzz/src/memory.rs"]
mod memory;
#[path = "../../../fuzz/src/snapshots.rs"]
mod snapshots;
#[path = "../../../fuzz/src/stable.rs"]
mod stable;

#[test]
fn a_log_starts_from_whatever_lies_there_or_says_why_not() {
    stable::run("log", 3000, log::log);
}

#[test]
fn any_chunks_are_a_whole_snapshot_or_refused() {
    stable::run("snapshots", 3000, snapshots::snapshots);
}
