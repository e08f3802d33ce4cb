//! A cluster on this machine: child processes of this one, to try things with.
//!
//! The children hold the other end of a pipe. When it closes, because this process
//! stops them or is gone, they stop.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

use crate::EXIT_FAILURE;
use crate::flags::DevSettings;

/// Between two looks at the children.
const LOOK: Duration = Duration::from_millis(50);
/// How long the cluster may take until it serves.
const START: Duration = Duration::from_secs(30);
/// How long a child may take to answer whether it serves.
const ANSWER: Duration = Duration::from_secs(1);
/// How long the children may take to stop.
const STOP: Duration = Duration::from_secs(15);

/// Why the cluster does not run.
#[derive(Debug, thiserror::Error)]
enum DevError {
    #[error("{what}: {error}")]
    System { what: String, error: io::Error },
    #[error("{name} ended ({status}); its log is {log}, and ends with:\n{last}")]
    Ended { name: String, status: ExitStatus, log: String, last: String },
    #[error("the cluster does not serve after {} s; see the logs in {folder}", START.as_secs())]
    TooSlow { folder: String },
}

/// Runs a cluster until it is told to stop.
pub fn run(settings: DevSettings) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(develop(&settings)),
        Err(error) => Err(system("the runtime cannot be started")(error)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("balsa dev: {error}");
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

async fn develop(settings: &DevSettings) -> Result<(), DevError> {
    let no_signals = "signals cannot be received";
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system(no_signals))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(system(no_signals))?;
    let mut nodes = Vec::new();
    for index in 0..settings.nodes {
        nodes.push(Node::start(settings, index)?);
    }
    let mut cluster = Cluster(nodes);
    let run = async {
        cluster.wait_until_it_serves(settings).await?;
        print!("{}", cluster.welcome());
        cluster.watch().await;
        Ok(())
    };
    let ended = tokio::select! {
        ended = run => ended,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };
    println!("stopping");
    cluster.stop().await;
    ended
}

struct Cluster(Vec<Node>);

impl Cluster {
    async fn wait_until_it_serves(&mut self, settings: &DevSettings) -> Result<(), DevError> {
        let began = Instant::now();
        for node in &mut self.0 {
            while !is_healthy(node.client).await {
                if let Some(status) = node.ended()? {
                    return Err(node.failed(status));
                }
                if began.elapsed() > START {
                    let folder = settings.data_dir.display().to_string();
                    return Err(DevError::TooSlow { folder });
                }
                sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// Where the nodes are, and a line to try.
    fn welcome(&self) -> String {
        let mut text = String::from("The cluster serves.\n\n");
        for node in &self.0 {
            text.push_str(&format!(
                "  {}  http://{}  process {}  log {}\n",
                node.name,
                node.client,
                node.child.id(),
                node.log.display()
            ));
        }
        let endpoints: Vec<String> = self.0.iter().map(|node| node.client.to_string()).collect();
        text.push_str(&format!(
            "\nTry:\n\n  kvctl --endpoints {} put colour green\n\nCtrl-C stops all.\n",
            endpoints.join(",")
        ));
        text
    }

    /// Tells of nodes that end, until none is left.
    async fn watch(&mut self) {
        let mut up = self.0.len();
        while up > 0 {
            sleep(LOOK).await;
            for node in self.0.iter_mut().filter(|node| !node.has_ended) {
                let Ok(Some(status)) = node.ended() else { continue };
                up -= 1;
                println!(
                    "\n{} ended ({status}). To start it again:\n\n  {}",
                    node.name, node.command
                );
            }
        }
    }

    /// Lets all stop, and ends those that do not.
    async fn stop(&mut self) {
        // The pipe's end tells them.
        self.0.iter_mut().for_each(|node| drop(node.child.stdin.take()));
        let began = Instant::now();
        for node in &mut self.0 {
            while matches!(node.ended(), Ok(None)) {
                if began.elapsed() > STOP {
                    eprintln!("balsa dev: {} does not stop; it is killed", node.name);
                    // It fails only if the child is gone.
                    let _ = node.child.kill();
                    let _ = node.child.wait();
                }
                sleep(LOOK).await;
            }
        }
    }
}

/// One child.
struct Node {
    name: String,
    client: SocketAddr,
    log: PathBuf,
    /// What starts it again by hand.
    command: String,
    child: Child,
    has_ended: bool,
}

impl Node {
    fn start(settings: &DevSettings, index: u16) -> Result<Node, DevError> {
        let name = name(index);
        let folder = &settings.data_dir;
        let made = fs::create_dir_all(folder);
        made.map_err(system(format!("cannot make the folder {}", folder.display())))?;
        let log = folder.join(format!("{name}.log"));
        let opened = File::options().create(true).append(true).open(&log);
        let file = opened.map_err(system(format!("cannot open {}", log.display())))?;
        let program = std::env::current_exe().map_err(system("this program is not found"))?;
        let line = flags(settings, index);
        let command = format!("{} {}", program.display(), line.join(" "));
        let mut child = Command::new(program);
        child.args(line).arg("--stop-with-stdin").stdin(Stdio::piped());
        child.stdout(Stdio::null()).stderr(file);
        // Ctrl-C in the terminal is for this process; it stops the children itself.
        child.process_group(0);
        for (variable, _) in std::env::vars_os() {
            if variable.as_encoded_bytes().starts_with(b"ETCD_") {
                child.env_remove(variable);
            }
        }
        let child = child.spawn().map_err(system(format!("{name} cannot be started")))?;
        let client = SocketAddr::new(settings.host, settings.client_port(index));
        Ok(Node { name, client, log, command, child, has_ended: false })
    }

    /// How it ended, if it has.
    fn ended(&mut self) -> Result<Option<ExitStatus>, DevError> {
        let looked = self.child.try_wait();
        let status = looked.map_err(system(format!("{} cannot be looked at", self.name)))?;
        self.has_ended |= status.is_some();
        Ok(status)
    }

    fn failed(&self, status: ExitStatus) -> DevError {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        DevError::Ended {
            name: self.name.clone(),
            status,
            log: self.log.display().to_string(),
            last: text.lines().last().unwrap_or_default().to_owned(),
        }
    }
}

fn name(index: u16) -> String {
    format!("n{}", index + 1)
}

/// The command line of a node.
fn flags(settings: &DevSettings, index: u16) -> Vec<String> {
    let url = |port: u16| format!("http://{}", SocketAddr::new(settings.host, port));
    let client = url(settings.client_port(index));
    let peer = url(settings.peer_port(index));
    let members: Vec<String> = (0..settings.nodes)
        .map(|index| format!("{}={}", name(index), url(settings.peer_port(index))))
        .collect();
    let folder = settings.data_dir.join(name(index)).display().to_string();
    let flags = [
        ("name", name(index)),
        ("data-dir", folder),
        ("listen-client-urls", client.clone()),
        ("advertise-client-urls", client),
        ("listen-peer-urls", peer.clone()),
        ("initial-advertise-peer-urls", peer),
        ("initial-cluster", members.join(",")),
        ("initial-cluster-token", "balsa-dev".to_owned()),
    ];
    flags.into_iter().flat_map(|(name, value)| [format!("--{name}"), value]).collect()
}

/// Asks a node whether it serves.
async fn is_healthy(address: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /health HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<bool, io::Error>(answer.split(' ').nth(1) == Some("200"))
    };
    matches!(timeout(ANSWER, ask).await, Ok(Ok(true)))
}

fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> DevError {
    let what = what.into();
    |error| DevError::System { what, error }
}
