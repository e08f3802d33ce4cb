//! `kvctl` prints what `etcdctl` prints.
//!
//! Two lists of invocations are run in their order by `etcdctl` against a fresh node,
//! and then by `kvctl` against another one at the same address, so that ids, revisions
//! and counts must agree too. Standard output, standard error and the exit code are
//! compared to the byte, but for what [`differences`] names, each with its reason.
//!
//! The first list is the one that compares the nodes ([`script`] says how it is
//! written); the second has what concerns only the client.
//!
//! The node is etcd, which is built when it is not there: without it nothing is
//! compared, and the test fails. The same lists run on a node of Balsa:
//!
//! ```text
//! KVCTL_TESTS_ON=target/release/balsa cargo test --package balsa-cli --test etcdctl
//! ```

mod differences;
mod node;
// One reader and one list, so that clients and nodes are compared on the same.
#[path = "../../../node/tests/process/etcdctl/script.rs"]
mod script;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use differences::Outcome;
use node::Node;
use script::Invocation;

/// What both clients and both nodes are compared on.
const SHARED: &str = include_str!("../../../node/tests/process/etcdctl/table.txt");

/// What concerns only clients.
const OF_CLIENTS: &str = include_str!("table.txt");

/// How many differences a failure shows.
const SHOWN: usize = 30;

/// The longest that an invocation may take, whatever its own timeouts.
const LIMIT: Duration = Duration::from_secs(60);

/// How often an invocation that runs is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

#[test]
fn kvctl_prints_what_etcdctl_prints_on_the_shared_list() {
    compare("crates/node/tests/process/etcdctl/table.txt", SHARED);
}

#[test]
fn kvctl_prints_what_etcdctl_prints_on_the_list_of_clients() {
    compare("crates/cli/tests/etcdctl/table.txt", OF_CLIENTS);
}

fn compare(name: &str, list: &str) {
    let invocations = script::read(list);
    let etcdctl = node::etcd_tools().join("etcdctl");
    let kvctl = PathBuf::from(env!("CARGO_BIN_EXE_kvctl"));
    // The two nodes follow each other at one address: it is part of what is printed.
    let host = node::address();
    let of_etcdctl = run_all(&etcdctl, &host, &invocations);
    let of_kvctl = run_all(&kvctl, &host, &invocations);

    let mut found = Vec::new();
    for ((invocation, etcdctl), kvctl) in invocations.iter().zip(&of_etcdctl).zip(&of_kvctl) {
        if let Err(difference) = differences::check(invocation, etcdctl, kvctl) {
            found.push(format!("{name}:{} {}\n{difference}", invocation.line, invocation.text));
        }
    }
    assert!(
        found.is_empty(),
        "{} of {} invocations differ:\n{}",
        found.len(),
        invocations.len(),
        found[..found.len().min(SHOWN)].join("\n")
    );
}

/// Runs all invocations of one client against a fresh node.
fn run_all(client: &Path, host: &str, invocations: &[Invocation]) -> Vec<Outcome> {
    let mut node = Node::start(host);
    let outcomes = invocations.iter().map(|invocation| run(client, host, invocation)).collect();
    node.check();
    outcomes
}

fn run(client: &Path, host: &str, invocation: &Invocation) -> Outcome {
    let endpoint = format!("{host}:{}", node::CLIENT_PORT);
    // Nobody listens on a port that the node leaves alone.
    let nowhere = format!("{host}:2399");
    let fill = |word: &String| word.replace("$ENDPOINT", &endpoint).replace("$NOWHERE", &nowhere);
    let mut command = Command::new(client);
    command.env_clear();
    command.envs(invocation.env.iter().map(|(name, value)| (name, fill(value))));
    if !invocation.text.contains("ENDPOINT") && !invocation.text.contains("NOWHERE") {
        command.args(["--endpoints", &endpoint]);
    }
    command.args(invocation.words.iter().map(fill));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the client can be started");
    let mut stdin = child.stdin.take().expect("is piped");
    // One that does not read its input, and ends, closes the pipe: no error here.
    let _ = stdin.write_all(invocation.stdin.as_bytes());
    drop(stdin);
    let id = child.id();
    let waiting = thread::spawn(move || child.wait_with_output());
    let began = Instant::now();
    while !waiting.is_finished() {
        assert!(
            began.elapsed() < LIMIT,
            "process {id} does not end: {} {}",
            client.display(),
            invocation.text
        );
        thread::sleep(LOOK_AGAIN);
    }
    let output: Output = waiting.join().expect("nothing panics there").expect("the client ends");
    Outcome::from(output)
}
