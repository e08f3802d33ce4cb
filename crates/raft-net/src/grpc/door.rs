//! Connections to this node: taken in, served, and let go.
//!
//! Whoever can reach the port may connect, so nothing is believed of a connection.
//! One on which no call is made within the time of a handshake is closed, and one that
//! ends in an error is counted.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use proto::balsa::raft::v1::peer_server::PeerServer;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use super::heads::CheckedHeads;
use super::message_limit;
use super::server::PeerService;
use super::shared::Shared;

/// How long to wait when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(50);

/// What all connections to the peer port share.
#[derive(Clone)]
pub struct Door {
    builder: Builder<TokioExecutor>,
    service: PeerServer<PeerService>,
    shared: Arc<Shared>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Door {
    /// All connections count as tasks, and end with `stop`.
    pub fn new(shared: &Arc<Shared>, tasks: &TaskTracker, stop: &CancellationToken) -> Door {
        let options = &shared.options;
        let (stop, tasks) = (stop.clone(), tasks.clone());
        let service =
            PeerService { shared: Arc::clone(shared), stop: stop.clone(), tasks: tasks.clone() };
        let service = PeerServer::new(service)
            .max_decoding_message_size(message_limit(options))
            .max_encoding_message_size(message_limit(options));
        let mut builder = Builder::new(TokioExecutor::new()).http2_only();
        builder
            .http2()
            .timer(TokioTimer::new())
            .initial_stream_window_size(options.window_bytes)
            .initial_connection_window_size(options.window_bytes)
            .keep_alive_interval(Some(options.keepalive_interval))
            .keep_alive_timeout(options.keepalive_timeout);
        Door { builder, service, shared: Arc::clone(shared), tasks, stop }
    }

    /// Takes connections in until it is stopped.
    pub async fn open(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let door = self.clone();
                    self.tasks.spawn(async move { door.serve(stream).await });
                }
                // The peer has hung up already, or the process has no descriptor left:
                // others may fare better, a little later.
                Err(error) => {
                    tracing::warn!(%error, "connection of a peer not taken in");
                    tokio::time::sleep(NO_ROOM).await;
                }
            }
        }
    }

    async fn serve(self, stream: TcpStream) {
        let from = stream.peer_addr();
        if let Err(why) = self.serve_until_it_ends(stream).await {
            self.shared.meters.connections_broken.one();
            // Peers come and go: the lanes tell what has to be told.
            tracing::debug!(?from, why, "connection of a peer broken");
        }
    }

    async fn serve_until_it_ends(&self, stream: TcpStream) -> Result<(), String> {
        stream.set_nodelay(true).map_err(|error: io::Error| error.to_string())?;
        let asked = Arc::new(AtomicBool::new(false));
        let service = {
            let (asked, service) = (Arc::clone(&asked), self.service.clone());
            service_fn(move |request: Request<Incoming>| {
                asked.store(true, Ordering::Relaxed);
                service.clone().call(request.map(CheckedHeads::new))
            })
        };
        let connection = self.builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let limit = self.shared.options.handshake_timeout;
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = never_asked(&asked, limit) => {
                return Err(format!("no call was made within {} ms", limit.as_millis()));
            }
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        ended.map_err(|error| error.to_string())
    }
}

/// Comes back if no call was made by then.
async fn never_asked(asked: &AtomicBool, limit: Duration) {
    tokio::time::sleep(limit).await;
    if asked.load(Ordering::Relaxed) {
        std::future::pending().await
    }
}
