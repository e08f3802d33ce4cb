//! Running a node until it is told to stop.

use std::future::pending;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use balsa::api::{Listeners, Metrics, Options, ServeError, Server};
use balsa::replica::Ending;
use balsa::{Client, ClientLimits, Error, Node, StartError};
use raft_core::StopReason;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::flags::{ClusterState, Settings};
use crate::{EXIT_FAILURE, ignored, systemd};

/// What the log says once the node serves reads and writes.
pub const READY: &str = "ready to serve client requests";
/// The exit code of a node whose disk failed: `EX_IOERR`.
const EXIT_DISK: u8 = 74;
/// How long stopping may take. Longer means that a disk hangs.
const STOP: Duration = Duration::from_secs(10);
/// A signal that comes so soon after the first is no second request.
const SAME_REQUEST: Duration = Duration::from_secs(1);
/// Why a node stops whose standard input ends.
const STDIN_ENDED: &str = "standard input ended";
/// Connections that may wait to be taken in.
const BACKLOG: i32 = 4096;

/// Why the node does not run.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("the runtime cannot be started: {0}")]
    Runtime(io::Error),
    #[error("cannot listen for {whom} on {address}: {error}")]
    Listen { whom: &'static str, address: SocketAddr, error: io::Error },
    #[error("signals cannot be received: {0}")]
    Signals(io::Error),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Runs a node with these settings.
pub fn run(settings: Settings) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(serve(settings)),
        Err(error) => Err(RunError::Runtime(error)),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(%error, "the node does not start");
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

async fn serve(settings: Settings) -> Result<ExitCode, RunError> {
    let mut stop = Stop::new(settings.stop_with_stdin).map_err(RunError::Signals)?;
    raise_descriptors();
    let listeners = listen(&settings)?;
    let metrics = Arc::new(Metrics::new(settings.extensive_metrics));
    let mut starting = pin!(start(&settings, Arc::clone(&metrics)));
    let node = tokio::select! {
        node = &mut starting => node?,
        why = stop.asked() => {
            tracing::info!(why, "stopping before the node is up");
            return Ok(in_time(abandon(starting), &mut stop).await);
        }
    };
    ignored::tell(&settings, &node.client()).await;
    let started = Server::start(listeners, node.client(), metrics, &options(&settings));
    let server = match started {
        Ok(server) => server,
        Err(error) => {
            node.stop().await;
            return Err(error.into());
        }
    };
    let traffic = if settings.listen_http.is_empty() { "grpc+http" } else { "grpc" };
    let clients = server.addresses()[..settings.listen_client.len()].to_vec();
    let ready = tokio::spawn(announce(node.client(), clients, traffic));
    let ended = tokio::select! {
        ended = node.wait() => Some(ended),
        why = stop.asked() => {
            tracing::info!(why, "stopping");
            None
        }
    };
    let is_alone = stop.has_lost_its_starter;
    ready.abort();
    systemd::notify("STOPPING=1");
    let stopping = async {
        server.shutdown().await;
        let stopped = if is_alone { node.end().await } else { node.stop().await };
        exit_code(&ended.unwrap_or(stopped))
    };
    Ok(in_time(stopping, &mut stop).await)
}

/// Lets the start come to its end and stops what came of it: the process must not
/// exit while a thread of it opens or closes the state.
async fn abandon(starting: impl Future<Output = Result<Node, StartError>>) -> ExitCode {
    match starting.await {
        Ok(node) => {
            node.stop().await;
        }
        Err(error) => tracing::warn!(%error, "the node would not have started"),
    }
    tracing::info!("stopped");
    ExitCode::SUCCESS
}

/// Waits for an orderly end, but not for ever, nor longer than the operator likes.
async fn in_time(ending: impl Future<Output = ExitCode>, stop: &mut Stop) -> ExitCode {
    tokio::select! {
        code = ending => code,
        () = tokio::time::sleep(STOP) => {
            tracing::error!("stopping takes too long, perhaps a disk hangs; gone without it");
            ExitCode::from(EXIT_FAILURE)
        }
        why = stop.signalled() => {
            tracing::warn!(why, "asked again: gone at once");
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

async fn start(settings: &Settings, metrics: Arc<Metrics>) -> Result<Node, StartError> {
    let mut builder = Node::builder()
        .name(&settings.name)
        .data_dir(&settings.data_dir)
        .cluster_token(&settings.token)
        .client_urls(&settings.client_urls)
        .listen_peer(settings.listen_peer)
        .heartbeat_interval(settings.heartbeat_interval)
        .election_timeout(settings.election_timeout)
        .pre_vote(settings.pre_vote)
        .change_policy(settings.change_policy)
        .quota_bytes(settings.quota)
        .disk_reserve(settings.disk_reserve)
        .observer(metrics)
        .client_limits(ClientLimits {
            timeout: settings.request_timeout(),
            request_bytes: settings.request_bytes,
            txn_ops: settings.txn_ops,
        });
    for founder in &settings.founders {
        builder = builder.founder(&founder.name, &founder.peer_urls);
    }
    if settings.cluster_state == ClusterState::Existing {
        builder = builder.join_existing();
    }
    if let Some(entries) = settings.snapshot_count {
        builder = builder.snapshot_entries(entries);
    }
    if settings.state_in_memory {
        builder = builder.state_in_memory();
    }
    builder.start().await
}

fn options(settings: &Settings) -> Options {
    Options {
        request_bytes: settings.request_bytes,
        txn_ops: settings.txn_ops,
        concurrent_streams: settings.concurrent_streams,
        keepalive_interval: settings.keepalive_interval,
        keepalive_timeout: settings.keepalive_timeout,
        keepalive_min_time: settings.keepalive_min_time,
        extensive_metrics: settings.extensive_metrics,
        ..Options::default()
    }
}

/// Tells the world once the node serves reads and writes.
async fn announce(client: Client, addresses: Vec<SocketAddr>, traffic: &'static str) {
    while let Err(error) = client.ready().await {
        if error == Error::Stopped {
            return;
        }
        tracing::warn!(%error, "not ready yet; are enough members up?");
    }
    tracing::info!("{READY}");
    for address in addresses {
        tracing::info!(
            traffic,
            %address,
            "serving client traffic insecurely; this is strongly discouraged!"
        );
    }
    systemd::notify("READY=1");
}

fn listen(settings: &Settings) -> Result<Listeners, RunError> {
    Ok(Listeners {
        clients: bind("clients", &settings.listen_client)?,
        http: bind("clients", &settings.listen_http)?,
        metrics: bind("metrics", &settings.listen_metrics)?,
    })
}

fn bind(whom: &'static str, addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, RunError> {
    let open = |address: &SocketAddr| -> io::Result<TcpListener> {
        let listener = TcpListener::bind(address)?;
        // Again, for room for many clients that come at once.
        rustix::net::listen(&listener, BACKLOG)?;
        Ok(listener)
    };
    let bind = |address: &SocketAddr| {
        open(address).map_err(|error| RunError::Listen { whom, address: *address, error })
    };
    addresses.iter().map(bind).collect()
}

/// Lets the process open as many files and sockets as the system allows: the limit
/// that it finds is often far lower, for the sake of old programs.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "the limit of open files stays as it was");
    }
}

fn exit_code(ended: &Ending) -> ExitCode {
    match ended {
        Ending::Stopped => {
            tracing::info!("stopped");
            ExitCode::SUCCESS
        }
        Ending::Failed(error) => {
            tracing::error!(%error, "the node ends: nothing more can be made durable");
            ExitCode::from(EXIT_DISK)
        }
        // As etcd: what was asked for has come about.
        Ending::Dismissed(StopReason::Removed) => {
            tracing::warn!(
                "the member has been permanently removed from the cluster; \
                 the data-dir used by this member must be removed"
            );
            ExitCode::SUCCESS
        }
        Ending::Dismissed(_) | Ending::Panicked(_) => {
            tracing::error!(reason = %ended, "the node ends");
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

/// What asks the process to stop.
struct Stop {
    /// When it was first asked.
    asked: Option<Instant>,
    /// Whether whoever started it is gone or stops all that it started: then there is
    /// nobody to hand the leadership to.
    has_lost_its_starter: bool,
    interrupt: Signal,
    terminate: Signal,
    stdin: Option<tokio::sync::oneshot::Receiver<()>>,
}

impl Stop {
    fn new(with_stdin: bool) -> io::Result<Stop> {
        Ok(Stop {
            asked: None,
            has_lost_its_starter: false,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            stdin: with_stdin.then(end_of_stdin),
        })
    }

    /// Waits until it is asked, and says by what.
    async fn asked(&mut self) -> &'static str {
        let stdin = async {
            match self.stdin.as_mut() {
                // A thread that is gone has seen the end as well.
                Some(end) => {
                    let _ = end.await;
                }
                None => pending().await,
            }
        };
        let why = tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            () = stdin => STDIN_ENDED,
        };
        self.has_lost_its_starter = why == STDIN_ENDED;
        self.asked = Some(Instant::now());
        why
    }

    /// Waits until somebody sends a signal again, and says which. Those that come with
    /// the first one are the same request, sent to the process and to its group.
    async fn signalled(&mut self) -> &'static str {
        loop {
            let why = tokio::select! {
                _ = self.interrupt.recv() => "SIGINT",
                _ = self.terminate.recv() => "SIGTERM",
            };
            if self.asked.is_none_or(|asked| asked.elapsed() >= SAME_REQUEST) {
                return why;
            }
        }
    }
}

/// Waits for the end of standard input, on a thread of its own: reading it cannot be
/// cut short.
fn end_of_stdin() -> tokio::sync::oneshot::Receiver<()> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // What comes in does not matter, and an error is an end, too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = sender.send(());
    });
    receiver
}
