//! Golden scripts: each file under `tests/scripts` tells one story of a cluster,
//! with a sentence above every step. What the nodes do is compared with what is
//! written there; what must never happen is checked after every event.
//!
//! The commands are described in `tests/commands/mod.rs`. After a change of the
//! protocol, `UPDATE_GOLDENFILES=1 cargo test -p balsa-raft-core --test scripts`
//! writes the outputs anew: read the difference before keeping it.
//!
//! Random schedules on the same cluster are in `tests/fuzz`.

mod cluster;
mod commands;
mod fuzz;

use std::path::Path;

use test_each_file::test_each_path;

test_each_path! { in "./crates/raft-core/tests/scripts" => run }

fn run(script: &Path) {
    goldenscript::run(&mut commands::Runner::default(), script).expect("the script runs");
}
