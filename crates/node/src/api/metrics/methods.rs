//! The gRPC methods of etcd, each with its counters.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ::metrics::{Counter, Histogram};
use prost::Message as _;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};
use tonic::Code;

use super::registry::Registry;

/// The packages whose services clients may ask for.
const PACKAGES: [&str; 3] = ["etcdserverpb", "v3lockpb", "v3electionpb"];

/// gRPC's codes by number, under the names that Prometheus sees.
const CODES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

/// Finds a method by the path of its requests.
pub struct Methods {
    by_path: HashMap<String, Arc<Method>>,
}

/// The counters of one method.
pub struct Method {
    started: Counter,
    handled: [Counter; CODES.len()],
    took: Option<Histogram>,
}

impl Methods {
    /// All methods of etcd's services. `extensive` counts their latencies too.
    pub fn new(registry: &Registry, extensive: bool) -> Methods {
        let files = FileDescriptorSet::decode(proto::FILE_DESCRIPTOR_SET)
            .expect("the descriptors were encoded when this was built");
        let mut by_path = HashMap::new();
        for file in files.file {
            if !PACKAGES.contains(&file.package()) {
                continue;
            }
            for service in &file.service {
                let name = format!("{}.{}", file.package(), service.name());
                for method in &service.method {
                    let path = format!("/{name}/{}", method.name());
                    let method = Method::new(registry, extensive, &name, method);
                    by_path.insert(path, Arc::new(method));
                }
            }
        }
        Methods { by_path }
    }

    /// The method that serves a path, if it is one of etcd's.
    pub fn get(&self, path: &str) -> Option<Arc<Method>> {
        self.by_path.get(path).cloned()
    }

    /// Whether etcd has a service of this name.
    pub fn has_service(&self, name: &str) -> bool {
        let of_service = |path: &String| {
            path.strip_prefix('/')
                .and_then(|path| path.strip_prefix(name))
                .is_some_and(|rest| rest.starts_with('/'))
        };
        self.by_path.keys().any(of_service)
    }
}

impl Method {
    fn new(
        registry: &Registry,
        extensive: bool,
        service: &str,
        method: &MethodDescriptorProto,
    ) -> Method {
        let kind = match (method.client_streaming(), method.server_streaming()) {
            (false, false) => "unary",
            (true, false) => "client_stream",
            (false, true) => "server_stream",
            (true, true) => "bidi_stream",
        };
        let labels = [
            ("grpc_type", kind.to_owned()),
            ("grpc_service", service.to_owned()),
            ("grpc_method", method.name().to_owned()),
        ];
        let handled = CODES.map(|code| {
            let [kind, service, method] = labels.clone();
            let labels = [kind, service, method, ("grpc_code", code.to_owned())];
            let help = "RPCs that ended, whether they succeeded or not.";
            registry.counter("grpc_server_handled_total", help, &labels)
        });
        let help = "RPCs that began.";
        let started = registry.counter("grpc_server_started_total", help, &labels);
        let help = "How long RPCs took, from first to last.";
        let took = || registry.seconds("grpc_server_handling_seconds", help, &labels);
        Method { started, handled, took: extensive.then(took) }
    }

    /// One began.
    pub fn count_started(&self) {
        self.started.increment(1);
    }

    /// One ended.
    pub fn count_handled(&self, code: Code, took: Duration) {
        let counter = self.handled.get(code as usize);
        counter.expect("each code has a counter").increment(1);
        if let Some(histogram) = &self.took {
            histogram.record(took);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_methods_of_etcd_are_known() {
        let methods = Methods::new(&Registry::new(), false);
        assert!(methods.get("/etcdserverpb.KV/Range").is_some());
        assert!(methods.get("/v3lockpb.Lock/Lock").is_some());
        assert!(methods.get("/etcdserverpb.KV/Nothing").is_none());
        assert!(methods.get("/balsa.raft.v1.Peer/OpenLane").is_none(), "that is for nodes");
        assert!(methods.has_service("etcdserverpb.Watch"));
        assert!(!methods.has_service("etcdserverpb.Wat"));
    }

    #[test]
    fn calls_are_counted_by_code() {
        let registry = Registry::new();
        let methods = Methods::new(&registry, true);
        let range = methods.get("/etcdserverpb.KV/Range").expect("it is known");
        range.count_started();
        range.count_handled(Code::OutOfRange, Duration::from_millis(3));
        let text = registry.render();
        let own = "grpc_type=\"unary\",grpc_service=\"etcdserverpb.KV\",grpc_method=\"Range\"";
        for line in [
            format!("grpc_server_started_total{{{own}}} 1"),
            format!("grpc_server_handled_total{{{own},grpc_code=\"OutOfRange\"}} 1"),
            format!("grpc_server_handled_total{{{own},grpc_code=\"OK\"}} 0"),
            format!("grpc_server_handling_seconds_count{{{own}}} 1"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
        }
    }

    #[test]
    fn codes_have_the_names_of_their_numbers() {
        assert_eq!(CODES[Code::Ok as usize], "OK");
        assert_eq!(CODES[Code::Unimplemented as usize], "Unimplemented");
        assert_eq!(CODES[Code::Unauthenticated as usize], "Unauthenticated");
    }
}
