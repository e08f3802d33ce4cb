//! The fuzzer's targets that stand on this crate, on what it found and some more.

#[path = "../../../fuzz/src/commands.rs"]
mod commands;
#[path = "../../../fuzz/src/input.rs"]
mod input;
#[path = "../../../fuzz/src/memory.rs"]
mod memory;
#[path = "../../../fuzz/src/stable.rs"]
mod stable;

#[test]
fn replicas_make_the_same_of_any_command() {
    stable::run("commands", 1000, commands::commands);
}

#[test]
fn any_state_is_installed_or_refused() {
    stable::run("installations", 1000, commands::installations);
}
