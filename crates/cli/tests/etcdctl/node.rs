//! The node that the clients are run against.

use std::env;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use bench::process::{Process, Spec, loopback};
use tempfile::TempDir;

/// The port of the API, on an address of the test's own.
pub const CLIENT_PORT: u16 = 2379;

/// The port that nodes use among themselves.
const PEER_PORT: u16 = 2380;

/// The variable that names another node program to run the tests on.
const OTHER_PROGRAM: &str = "KVCTL_TESTS_ON";

/// How long a node may take until it serves.
const LIMIT: Duration = Duration::from_secs(60);

/// How often a node that starts is asked.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A running node, killed when this value is dropped.
pub struct Node {
    /// The process, for who wants to halt it.
    pub process: Process,
    /// Where its data is; removed at the end.
    _folder: TempDir,
}

impl Node {
    /// Starts a fresh node, and waits until it answers a linearizable read.
    pub fn start(host: &str) -> Node {
        let folder = TempDir::with_prefix("kvctl-test-").expect("a temporary folder");
        let program =
            env::var_os(OTHER_PROGRAM).map_or_else(|| etcd_tools().join("etcd"), PathBuf::from);
        let mut process = Process::new(spec(&program, host, folder.path()));
        process.start().expect("the node starts");
        let mut node = Node { process, _folder: folder };
        let began = Instant::now();
        while !node.serves(host) {
            node.check();
            assert!(began.elapsed() < LIMIT, "the node does not serve: {}", node.process.log_end());
            thread::sleep(LOOK_AGAIN);
        }
        node
    }

    /// Fails the test if the node has ended.
    pub fn check(&mut self) {
        self.process.check().expect("the node runs");
    }

    fn serves(&self, host: &str) -> bool {
        let endpoint = format!("{host}:{CLIENT_PORT}");
        // A refused connection costs nothing; a client that waits for it costs seconds.
        TcpStream::connect(&endpoint).is_ok()
            && Command::new(etcd_tools().join("etcdctl"))
                .env_clear()
                .args(["--endpoints", &endpoint, "get", "ready"])
                .output()
                .is_ok_and(|output| output.status.success())
    }
}

/// A loopback address that no other test has.
pub fn address() -> String {
    loopback().to_string()
}

/// The folder with `etcd` and `etcdctl` of the version that is compared with, built
/// when it is first asked for.
pub fn etcd_tools() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build)
}

/// A node as etcd's defaults make it, but for its addresses: the name and the peer
/// URL decide the ids that it prints.
fn spec(program: &Path, host: &str, folder: &Path) -> Spec {
    let client_url = format!("http://{host}:{CLIENT_PORT}");
    let peer_url = format!("http://{host}:{PEER_PORT}");
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
    Spec {
        name: program.display().to_string(),
        program: program.to_owned(),
        args: flags.into_iter().flat_map(|(flag, value)| [flag.into(), value.into()]).collect(),
        env: vec![],
        log: folder.join("node.log"),
    }
}

/// This crate's folder as cargo names it now: in a target folder that checkouts share,
/// another of them may have compiled this.
fn crate_folder() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

fn build() -> PathBuf {
    let crate_folder = crate_folder();
    let root = crate_folder.ancestors().nth(2).expect("crates/cli lies two folders deep");
    // Beside the tests' own binary, wherever cargo's target folder is.
    let target = Path::new(env!("CARGO_BIN_EXE_kvctl")).ancestors().nth(2);
    let target = target.expect("target/release/kvctl lies two folders deep");
    let output = Command::new(root.join("scripts/etcd"))
        .arg(target.join("etcd"))
        .output()
        .expect("scripts/etcd can be started");
    assert!(
        output.status.success(),
        "etcd could not be built, and without it nothing is compared:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let folder = String::from_utf8(output.stdout).expect("a path in UTF-8");
    PathBuf::from(folder.trim_end())
}
