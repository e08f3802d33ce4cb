//! A cluster on this machine: child processes of this one, to try things with.
//!
//! The children hold the other end of a pipe. When it closes, because this process
//! stops them or is gone, they stop.

mod folder;
mod node;

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::process::{ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use crate::EXIT_FAILURE;
use crate::flags::DevSettings;
use folder::Folder;
use node::Node;

/// Between two looks at the children.
const LOOK: Duration = Duration::from_millis(50);
/// How long the children of a command that was killed may hold their ports.
const PORTS: Duration = Duration::from_secs(10);
/// How long the cluster may take until it serves.
const START: Duration = Duration::from_secs(30);
/// How long the children may take to stop.
const STOP: Duration = Duration::from_secs(15);

/// Why the cluster does not run.
#[derive(Debug, thiserror::Error)]
enum DevError {
    #[error("{what}: {error}")]
    System { what: String, error: io::Error },
    #[error(
        "a cluster runs in {folder} already (process {process}); stop it, or start this one \
         beside it with another --data-dir and another --base-port"
    )]
    Busy { folder: String, process: String },
    #[error(
        "{folder} holds the cluster {found}, and {asked} is asked for. Start the one that is \
         there:\n\n  balsa dev {found} --data-dir {folder}\n\nor name another folder with \
         --data-dir, or remove this one"
    )]
    Other { folder: String, found: String, asked: String },
    #[error(
        "{folder} holds nodes, and does not say at which addresses: name another folder with \
         --data-dir, or remove this one"
    )]
    Foreign { folder: String },
    #[error(
        "cannot listen at {address}: {error}; stop what runs there, or choose other ports with \
         --base-port"
    )]
    Taken { address: SocketAddr, error: io::Error },
    #[error("{name} ended ({status}); its log is {log}, and ends with:\n{last}")]
    Ended { name: String, status: ExitStatus, log: String, last: String },
    #[error("all nodes have ended")]
    AllEnded,
    #[error(
        "{name} does not serve after {} s; its log is {log}, and ends with:\n{last}",
        START.as_secs()
    )]
    TooSlow { name: String, log: String, last: String },
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
    let folder = Folder::take(settings)?;
    let mut cluster = Cluster(Vec::new());
    let run = async {
        wait_for_ports(settings, &folder).await?;
        for index in 0..settings.nodes {
            cluster.0.push(Node::start(settings, index)?);
        }
        cluster.wait_until_it_serves().await?;
        print!("{}", cluster.welcome());
        cluster.watch().await;
        Err(DevError::AllEnded)
    };
    let ended = tokio::select! {
        ended = run => ended,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };
    if !cluster.0.is_empty() {
        println!("stopping");
        cluster.stop().await;
    }
    ended
}

/// Finds out whether the nodes can listen. The children of a command that was killed
/// notice its end and go; until then they hold the ports. Where no cluster has run yet,
/// it is somebody else.
async fn wait_for_ports(settings: &DevSettings, folder: &Folder) -> Result<(), DevError> {
    let began = Instant::now();
    let ports =
        (0..settings.nodes).flat_map(|node| [settings.client_port(node), settings.peer_port(node)]);
    for port in ports {
        let address = SocketAddr::new(settings.host, port);
        let mut is_told = false;
        while let Err(error) = TcpListener::bind(address) {
            let may_end = error.kind() == ErrorKind::AddrInUse && folder.is_used;
            if !may_end || began.elapsed() > PORTS {
                return Err(DevError::Taken { address, error });
            }
            if !is_told {
                println!("waiting for {address}: a cluster that ran here may still be stopping");
                is_told = true;
            }
            sleep(LOOK).await;
        }
    }
    Ok(())
}

struct Cluster(Vec<Node>);

impl Cluster {
    async fn wait_until_it_serves(&mut self) -> Result<(), DevError> {
        let began = Instant::now();
        loop {
            for node in &mut self.0 {
                if let Some(status) = node.ended()? {
                    return Err(node.failed(status));
                }
            }
            let Some(node) = self.0.iter().find(|node| !node.serves()) else { return Ok(()) };
            if began.elapsed() > START {
                let (name, log) = (node.name.clone(), node.log.display().to_string());
                return Err(DevError::TooSlow { name, log, last: node.last_lines() });
            }
            sleep(LOOK).await;
        }
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
                    "\n{} ended ({status}). To start it again:\n\n  {}\n\nIts log {} ends with:\n{}",
                    node.name,
                    node.command,
                    node.log.display(),
                    node.last_lines()
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

fn name(index: u16) -> String {
    format!("n{}", index + 1)
}

fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> DevError {
    let what = what.into();
    |error| DevError::System { what, error }
}
