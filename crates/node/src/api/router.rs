//! Which path goes where.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use http::{Request, Response};
use proto::etcdserverpb::cluster_server::ClusterServer;
use proto::etcdserverpb::kv_server::KvServer;
use proto::etcdserverpb::maintenance_server::MaintenanceServer;
use tonic::server::NamedService;
use tonic_health::server::{HealthReporter, health_reporter};
use tower_service::Service;

use super::gate::{Bounds, Gate, Incoming};
use super::metrics::{Counted, Metrics};
use super::options::Options;
use super::pages;
use super::service::{ClusterService, Context, Fallback, KvService, MaintenanceService};
use crate::Client;

/// What each kind of socket serves.
pub struct Routers {
    /// gRPC and HTTP.
    pub all: Router,
    /// gRPC alone.
    pub grpc: Router,
    /// HTTP alone.
    pub http: Router,
    /// Metrics and health checks alone.
    pub metrics: Router,
    /// Whether gRPC's own health check says that it serves.
    pub health: HealthReporter,
}

impl Routers {
    /// Stands on a node.
    pub fn new(client: &Client, metrics: &Arc<Metrics>, options: &Options) -> Routers {
        let (health, health_service) = health_reporter();
        let context = Context::new(client.clone(), options, Arc::clone(metrics));
        let services = Services {
            router: Router::new(),
            metrics: Arc::clone(metrics),
            message_bytes: options.message_bytes(),
        };
        // What is sent has no bound but that of gRPC itself.
        let (taken, sent) = (options.message_bytes(), i32::MAX as usize);
        let kv = KvServer::new(KvService::new(context.clone()))
            .max_decoding_message_size(taken)
            .max_encoding_message_size(sent);
        let cluster = ClusterServer::new(ClusterService::new(context.clone()))
            .max_decoding_message_size(taken);
        let maintenance = MaintenanceServer::new(MaintenanceService::new(context))
            .max_decoding_message_size(taken);
        // Operators are let in however many clients there are.
        let services = services.add_bounded(kv, options.bounds()).add(cluster).add(maintenance);
        let services = services.add(health_service);
        let grpc = with_reflection(services).router;
        let fallback = Counted::new(Fallback::new(Arc::clone(metrics)), Arc::clone(metrics));
        let http = pages::router(client.clone(), Arc::clone(metrics));
        let watchers = pages::metrics_router(client.clone(), Arc::clone(metrics));
        Routers {
            all: grpc.clone().merge(http.clone()).fallback_service(fallback.clone()),
            grpc: grpc.fallback_service(fallback.clone()),
            http: http.fallback_service(fallback.clone()),
            metrics: watchers.fallback_service(fallback),
            health,
        }
    }
}

/// gRPC services, each under its name.
struct Services {
    router: Router,
    metrics: Arc<Metrics>,
    message_bytes: usize,
}

impl Services {
    fn add<S>(self, service: S) -> Services
    where
        S: Served,
        S::Future: Unpin + Send,
    {
        let gate = Gate::new(service, self.message_bytes);
        self.route(gate)
    }

    /// The same, within bounds.
    fn add_bounded<S>(self, service: S, bounds: Bounds) -> Services
    where
        S: Served,
        S::Future: Unpin + Send,
    {
        let gate = Gate::new(service, self.message_bytes);
        let gate = gate.bounded(self.metrics.room(), bounds);
        self.route(gate)
    }

    fn route<S>(self, gate: Gate<S>) -> Services
    where
        S: Served,
        S::Future: Unpin + Send,
    {
        let path = format!("/{}/{{*method}}", S::NAME);
        let counted = Counted::new(gate, Arc::clone(&self.metrics));
        Services { router: self.router.route_service(&path, counted), ..self }
    }
}

/// A gRPC service that was generated.
trait Served:
    Service<Request<Incoming>, Response = Response<tonic::body::Body>, Error = Infallible>
    + NamedService
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Served for S where
    S: Service<Request<Incoming>, Response = Response<tonic::body::Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// Lets clients ask which services there are, and what their messages hold.
fn with_reflection(services: Services) -> Services {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("etcdserverpb.KV")
            .with_service_name("etcdserverpb.Cluster")
            .with_service_name("etcdserverpb.Maintenance")
            .with_service_name("grpc.health.v1.Health")
    };
    let sound = "the descriptors were encoded when this was built";
    services.add(builder().build_v1().expect(sound)).add(builder().build_v1alpha().expect(sound))
}
