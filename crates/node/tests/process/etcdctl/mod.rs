//! `etcdctl` prints the same of Balsa as of etcd.
//!
//! `table.txt` is a list of invocations. They are run in their order against one
//! node of etcd and then against one of Balsa: same address, same flags, both
//! fresh, so that also ids, revisions and counts must agree. Standard output,
//! standard error and the exit code are compared to the byte, but for what
//! [`masks`] names, each with its reason.

mod masks;
mod script;
pub mod wire;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use bench::process::loopback;

use super::harness::{Single, balsa, etcd_tools};
use script::Invocation;

/// How many differences a failure shows.
const SHOWN: usize = 30;

/// What an invocation printed, and with which code it ended.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    stdout: String,
    stderr: String,
    code: Option<i32>,
}

#[tokio::test]
async fn etcdctl_prints_the_same_of_balsa_as_of_etcd() {
    let invocations = script::read(include_str!("table.txt"));
    let tools = etcd_tools();
    let endpoint = format!("{}:2379", loopback());
    let of_etcd = run_all(&tools.join("etcd"), &endpoint, &invocations).await;
    let of_balsa = run_all(&balsa(), &endpoint, &invocations).await;

    let mut differences = Vec::new();
    for ((invocation, etcd), balsa) in invocations.iter().zip(of_etcd).zip(of_balsa) {
        let [etcd, balsa] = [etcd, balsa].map(|output| outcome(invocation, &output));
        if etcd != balsa {
            let place = format!("table.txt:{} etcdctl {}", invocation.line, invocation.text);
            differences.push(format!("{place}\n   etcd: {etcd:?}\n  balsa: {balsa:?}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {} invocations differ:\n{}",
        differences.len(),
        invocations.len(),
        differences[..differences.len().min(SHOWN)].join("\n")
    );
}

/// Runs all invocations against a fresh node of the program.
async fn run_all(program: &Path, endpoint: &str, invocations: &[Invocation]) -> Vec<Output> {
    let mut node = Single::start(program, endpoint).await;
    let outputs = invocations.iter().map(|invocation| etcdctl(endpoint, invocation)).collect();
    node.check().expect("the node outlives the table");
    outputs
}

fn etcdctl(endpoint: &str, invocation: &Invocation) -> Output {
    let (host, _) = endpoint.split_once(':').expect("host:port");
    // Nobody listens on a port that the node leaves alone.
    let nowhere = format!("{host}:2399");
    let mut command = Command::new(etcd_tools().join("etcdctl"));
    command.env_clear();
    for (name, value) in &invocation.env {
        command.env(name, value.replace("$ENDPOINT", endpoint));
    }
    if !invocation.text.contains("ENDPOINT") && !invocation.text.contains("NOWHERE") {
        command.args(["--endpoints", endpoint]);
    }
    let fill = |word: &String| word.replace("$ENDPOINT", endpoint).replace("$NOWHERE", &nowhere);
    command.args(invocation.words.iter().map(fill));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("etcdctl can be started");
    let mut stdin = child.stdin.take().expect("is piped");
    // One that does not read its input, and ends, closes the pipe: no error here.
    let _ = stdin.write_all(invocation.stdin.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("etcdctl ends")
}

fn outcome(invocation: &Invocation, output: &Output) -> Outcome {
    let masked = |bytes: &[u8]| masks::apply(&invocation.words, bytes);
    Outcome {
        stdout: masked(&output.stdout),
        stderr: masked(&output.stderr),
        code: output.status.code(),
    }
}
