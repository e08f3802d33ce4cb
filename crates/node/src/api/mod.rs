//! etcd's API on a node: gRPC and HTTP on one port.
//!
//! ```text
//!   client ─▶ connection ─▶ router ─┬▶ gRPC services ─▶ Client
//!             (HTTP/1, HTTP/2)      └▶ /health, /version, /metrics
//! ```
//!
//! A [`Server`] takes listening sockets and a [`Client`](crate::Client) and serves on
//! a runtime of its own, so that what clients ask for cannot delay what nodes say to
//! each other. Requests are converted to the store's own types, checked as etcd
//! checks them, and answered with etcd's headers, codes and messages, because
//! clients decide by them what to do next.
//!
//! | module | holds |
//! |---|---|
//! | `server`, `connection` | sockets, connections, limits, the stop |
//! | `gather` | answers that leave together |
//! | `pings` | clients that ask too often whether anybody is there |
//! | `router` | which path goes where |
//! | `gate` | what a call passes before its message is read: its head, bounds, its time |
//! | `service` | the gRPC services |
//! | `pages` | health checks, version, metrics |
//! | `convert` | from messages to the store's types and back |
//! | `status` | from errors to gRPC's codes |
//! | `metrics` | what is counted, in Prometheus' format |
//!
//! What etcd serves and this does not yet is answered with `Unimplemented`.

mod connection;
mod convert;
mod gate;
mod gather;
mod metrics;
mod options;
mod pages;
mod pings;
mod router;
mod server;
mod service;
mod status;
mod version;

pub use metrics::Metrics;
pub use options::{Listeners, Options};
pub use server::{ServeError, Server};
pub use version::{API_VERSION, BALSA_VERSION};
