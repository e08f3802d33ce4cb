//! `kvctl` and servers that do not answer as they should: real sockets, real processes.
//!
//! The servers that answer are etcd, as in the tests beside these (or another program,
//! which `KVCTL_TESTS_ON` names).

mod dying;
#[path = "../etcdctl/node.rs"]
mod node;
mod silent;
mod words;

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What a run of `kvctl` came to.
struct Run {
    /// Its exit code.
    code: Option<i32>,
    stdout: String,
    stderr: String,
    /// How long it took.
    took: Duration,
}

impl From<(Output, Duration)> for Run {
    fn from((output, took): (Output, Duration)) -> Run {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Run {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            took,
        }
    }
}

/// `kvctl` in an empty environment.
fn kvctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kvctl"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// Runs a line of words on these endpoints.
fn run(endpoints: &[String], line: &str) -> Run {
    let mut command = kvctl();
    command.arg("--endpoints").arg(endpoints.join(","));
    command.args(line.split_whitespace().map(OsStr::new));
    run_command(&mut command)
}

/// Runs a command. It ends by its own timeouts.
fn run_command(command: &mut Command) -> Run {
    let began = Instant::now();
    let output = command.output().expect("kvctl can be started");
    Run::from((output, began.elapsed()))
}

/// The endpoint of the node at a host.
fn endpoint(host: &str) -> String {
    format!("{host}:{}", node::CLIENT_PORT)
}
