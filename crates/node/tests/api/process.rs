//! The binary as a process.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;

use super::support::{ask, own_ip, until};

/// The binary with nothing of this process's environment that it would follow.
pub fn balsa() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_balsa"));
    for (variable, _) in std::env::vars_os() {
        if variable.as_encoded_bytes().starts_with(b"ETCD_") {
            command.env_remove(variable);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs the binary to its end: what it wrote, and how it ended. Only for what ends
/// by itself.
pub fn run(flags: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        balsa().args(flags).output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("it writes text");
    (status.code(), text(stdout), text(stderr))
}

/// A node, or a cluster, as a process. Killed when dropped.
pub struct Running {
    child: Child,
    log: PathBuf,
    /// The address that is its alone.
    pub ip: Ipv4Addr,
}

impl Running {
    /// Starts a single node with its folder in `folder`, at an address of its own.
    pub fn node(folder: &Path, flags: &[&str]) -> Running {
        let ip = own_ip();
        let (client, peer) = (format!("http://{ip}:2379"), format!("http://{ip}:2380"));
        let mut command = balsa();
        command
            .args(["--name", "n1", "--listen-client-urls", &client])
            .args(["--advertise-client-urls", &client, "--listen-peer-urls", &peer])
            .args(["--initial-advertise-peer-urls", &peer])
            .args(flags);
        Running::start(command, folder, ip)
    }

    /// Starts a command in a folder; its errors go to a file there.
    pub fn start(mut command: Command, folder: &Path, ip: Ipv4Addr) -> Running {
        let log = folder.join("stderr");
        let file = File::create(&log).expect("a file");
        // A terminal's signals are for the test alone.
        command.current_dir(folder).stderr(file).process_group(0);
        let child = command.spawn().expect("the binary starts");
        Running { child, log, ip }
    }

    /// Where it serves clients.
    pub fn client(&self) -> SocketAddr {
        SocketAddr::from((self.ip, 2379))
    }

    /// The child itself.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it serves reads and writes.
    pub async fn ready(&mut self) {
        let what = "it is ready";
        until(what, async || {
            let ended = self.child.try_wait().expect("it can be looked at");
            assert!(ended.is_none(), "it ended: {ended:?}\n{}", self.log());
            self.log().contains("ready to serve client requests")
        })
        .await;
    }

    /// Asks for a page; head and body.
    pub async fn page(&self, path: &str) -> (String, String) {
        ask(self.client(), &format!("GET {path} HTTP/1.0\r\n\r\n")).await
    }

    /// Whether somebody listens for clients.
    pub async fn listens(&self) -> bool {
        TcpStream::connect(self.client()).await.is_ok()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process is there");
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until("it ends", async || {
            status = self.child.try_wait().expect("it can be looked at");
            status.is_some()
        })
        .await;
        status.expect("it has ended")
    }

    /// Lets it end in order, within seconds.
    pub async fn stop(&mut self) {
        self.signal(Signal::TERM);
        let ended = tokio::time::timeout(Duration::from_secs(8), self.ended()).await;
        let status = ended.expect("it ends within seconds");
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It fails only if the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the log of the process:\n{}", self.log());
        }
    }
}
