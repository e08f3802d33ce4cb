//! The server: sockets and a runtime for them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::runtime::Builder;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::connection::Door;
use super::metrics::Metrics;
use super::options::{Listeners, Options};
use super::router::Routers;
use crate::Client;
use crate::runtime::OwnRuntime;

/// Between two looks at what waits to be rendered.
const UPKEEP: Duration = Duration::from_secs(5);

/// etcd's API, served for one node on threads of its own.
///
/// Dropped, it ends at once; [`Server::shutdown`] lets open requests end first. The
/// node goes on in both cases.
pub struct Server {
    runtime: OwnRuntime,
    tasks: TaskTracker,
    stop: CancellationToken,
    health: HealthReporter,
    addresses: Vec<SocketAddr>,
    drain_timeout: Duration,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The system gives no threads.
    #[error("threads for clients cannot be started: {0}; raise the limit of threads")]
    Threads(io::Error),
    /// A socket cannot be used.
    #[error("the socket for clients cannot be used: {0}")]
    Socket(io::Error),
}

impl Server {
    /// Serves a node on sockets that listen already. What is counted goes to
    /// `metrics`, which should be the node's observer too.
    ///
    /// # Errors
    ///
    /// See [`ServeError`].
    pub fn start(
        listeners: Listeners,
        client: Client,
        metrics: Arc<Metrics>,
        options: &Options,
    ) -> Result<Server, ServeError> {
        let runtime = Builder::new_multi_thread()
            .thread_name("balsa-api")
            .worker_threads(options.threads.max(1))
            .enable_all()
            .build()
            .map_err(ServeError::Threads)?;
        let routers = Routers::new(&client, &metrics, options);
        let mut server = Server {
            runtime: OwnRuntime::new(runtime),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            health: routers.health,
            addresses: Vec::new(),
            drain_timeout: options.drain_timeout,
        };
        let Listeners { clients, http, metrics: watchers } = listeners;
        let for_clients = if http.is_empty() { routers.all } else { routers.grpc };
        for (listeners, router) in
            [(clients, for_clients), (http, routers.http), (watchers, routers.metrics)]
        {
            for listener in listeners {
                server.open(listener, router.clone(), &metrics, options)?;
            }
        }
        server.spawn(keep_up(metrics));
        Ok(server)
    }

    /// Where it listens: for clients, for HTTP, for metrics, each in the order given.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes nothing new in and lets open requests end, for
    /// [`Options::drain_timeout`] at most; then cuts what is left.
    pub async fn shutdown(self) {
        self.health.set_service_status("", ServingStatus::NotServing).await;
        self.stop.cancel();
        self.tasks.close();
        if timeout(self.drain_timeout, self.tasks.wait()).await.is_err() {
            tracing::warn!(open = self.tasks.len(), "connections cut that did not end in time");
        }
        self.runtime.end().await;
    }

    fn open(
        &mut self,
        listener: TcpListener,
        router: Router,
        metrics: &Arc<Metrics>,
        options: &Options,
    ) -> Result<(), ServeError> {
        self.addresses.push(listener.local_addr().map_err(ServeError::Socket)?);
        listener.set_nonblocking(true).map_err(ServeError::Socket)?;
        let listener = {
            let _entered = self.runtime.handle().enter();
            tokio::net::TcpListener::from_std(listener).map_err(ServeError::Socket)?
        };
        let door =
            Door::new(router, options, metrics.clone(), self.tasks.clone(), self.stop.clone());
        self.tasks.spawn_on(door.open(listener), self.runtime.handle());
        Ok(())
    }

    /// Does something until the server stops.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn_on(
            async move {
                tokio::select! {
                    () = work => {}
                    () = stop.cancelled() => {}
                }
            },
            self.runtime.handle(),
        );
    }
}

async fn keep_up(metrics: Arc<Metrics>) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        metrics.upkeep();
    }
}
