//! A replicated key-value node: driver, embedding and etcd's API.

#[cfg(feature = "server")]
pub mod api;
pub mod driver;
#[cfg(feature = "node")]
mod node;
#[cfg(feature = "node")]
pub mod replica;
#[cfg(feature = "node")]
mod runtime;

#[cfg(feature = "node")]
pub use node::{
    Alarm, AlarmKind, ChangePolicy, ChangeRefusal, Client, ClientLimits, Consistency, DiskReserve,
    Error, Founder, Header, MemberStatus, Node, NodeBuilder, NodeStatus, RoomSource, StartError,
    TransportFactory, cluster_id, member_id,
};
