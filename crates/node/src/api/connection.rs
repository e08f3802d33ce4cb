//! Connections: taken in, served, and let go.
//!
//! A socket speaks HTTP/1 or HTTP/2 as its client likes. A client that is slow, silent
//! or gone holds a connection and what it asked for, but only for a time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::gate::OnConnection;
use super::gather::Gathered;
use super::metrics::Metrics;
use super::options::Options;
use super::pings::{Guarded, PingPolicy};

/// How long to wait when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(50);
/// A silent connection is tried by the system after this time, and again after it.
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);

/// What all connections of one socket share.
#[derive(Clone)]
pub struct Door {
    builder: Builder<TokioExecutor>,
    router: Router,
    head_timeout: Duration,
    pings: PingPolicy,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Door {
    /// Serves what the router holds. All connections count as tasks, and end soon
    /// after `stop`.
    pub fn new(
        router: Router,
        options: &Options,
        metrics: Arc<Metrics>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Door {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(options.head_timeout)
            // As Go writes them, for those who look for them by letter.
            .title_case_headers(true);
        let is_kept = !options.keepalive_interval.is_zero();
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(options.concurrent_streams)
            .keep_alive_interval(is_kept.then_some(options.keepalive_interval))
            .keep_alive_timeout(options.keepalive_timeout);
        let head_timeout = options.head_timeout;
        let pings = PingPolicy::new(options.keepalive_min_time);
        Door { builder, router, head_timeout, pings, metrics, tasks, stop }
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
                // The client has hung up already, or the process has no descriptor
                // left: others may fare better, a little later.
                Err(error) => {
                    tracing::warn!(%error, "connection not taken in");
                    tokio::time::sleep(NO_ROOM).await;
                }
            }
        }
    }

    async fn serve(self, stream: TcpStream) {
        if let Err(error) = prepare(&stream) {
            tracing::debug!(%error, "connection lost before it began");
            return;
        }
        let mut first = [0];
        let asked = tokio::select! {
            asked = timeout(self.head_timeout, stream.peek(&mut first)) => asked,
            () = self.stop.cancelled() => return,
        };
        // Hung up, or silent for too long.
        if !matches!(asked, Ok(Ok(1))) {
            return;
        }
        let service = TowerToHyperService::new(OnConnection::new(self.router));
        let stream = TokioIo::new(Gathered::new(Guarded::new(stream, self.pings)));
        let connection = self.builder.serve_connection(stream, service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            self.metrics.count_broken_connection();
            tracing::debug!(error, "connection broken");
        }
    }
}

/// Small answers leave at once, and the system notices a client that is gone.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    use rustix::net::sockopt;
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, TCP_KEEPALIVE)?;
    sockopt::set_tcp_keepintvl(stream, TCP_KEEPALIVE)?;
    Ok(())
}
