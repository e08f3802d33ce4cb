//! `etcdctl` prints the same of Balsa as of etcd.
//!
//! `table.txt` is a list of invocations. They are run in their order against one
//! node of etcd and then against one of Balsa: same address, same flags, both
//! fresh, so that also ids, revisions and counts must agree. Standard output,
//! standard error and the exit code are compared to the byte, but for what
//! [`masks`] names, each with its reason.

mod masks;
mod script;
mod wire;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use bench::client::Connection;
use bench::process::{Process, Spec, loopback};
use proto::etcdserverpb::RangeRequest;
use tempfile::TempDir;

use super::harness::{LIMIT, ONE_CALL, balsa, etcd_tools};
use script::Invocation;

/// How often a node that starts is asked.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

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
    let folder = TempDir::with_prefix("balsa-etcdctl-").expect("a temporary folder");
    let mut node = node(program, endpoint, folder.path());
    node.start().expect("the node starts");
    let mut connection = Connection::new(endpoint);
    let began = Instant::now();
    let read = RangeRequest { key: "ready".into(), ..RangeRequest::default() };
    while let Err(status) = connection.range(read.clone(), ONE_CALL).await {
        node.check().expect("the node runs");
        assert!(began.elapsed() < LIMIT, "{} does not serve: {status}", program.display());
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let outputs = invocations.iter().map(|invocation| etcdctl(endpoint, invocation)).collect();
    node.check().expect("the node outlives the table");
    outputs
}

/// A node as etcd's defaults make it, but for its addresses: the name and the peer
/// URL decide the ids that it prints.
fn node(program: &Path, endpoint: &str, folder: &Path) -> Process {
    let (host, _) = endpoint.split_once(':').expect("host:port");
    let client_url = format!("http://{endpoint}");
    let peer_url = format!("http://{host}:2380");
    let data = folder.join("default").display().to_string();
    let flags = [
        ("--name", "default"),
        ("--data-dir", &data),
        ("--listen-client-urls", &client_url),
        ("--advertise-client-urls", &client_url),
        ("--listen-peer-urls", &peer_url),
        ("--initial-advertise-peer-urls", "http://localhost:2380"),
        ("--initial-cluster", "default=http://localhost:2380"),
    ];
    Process::new(Spec {
        name: program.display().to_string(),
        program: program.to_owned(),
        args: flags.into_iter().flat_map(|(flag, value)| [flag.into(), value.into()]).collect(),
        env: vec![],
        log: folder.join("node.log"),
    })
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
