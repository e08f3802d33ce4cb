//! A node of the replicated key-value store: a [`Replica`] of it with everything
//! around, started from a [`NodeBuilder`] and asked through a [`Client`].

mod alarms;
mod builder;
mod change_rules;
mod changes;
mod client;
mod error;
mod folder;
mod join;
mod member;
mod reclaim;
mod space;
mod start;
mod status;
mod watcher;

use std::sync::{Arc, Weak};
use std::time::Duration;

use kv_statemachine::Reply;
use raft_core::RoleName;
use raft_net::Transport;
use raft_net::grpc::{GrpcTransport, PeerCounts};

use crate::replica::{Ending, Replica};

pub use builder::{NodeBuilder, StartError, TransportFactory};
pub use change_rules::ChangePolicy;
pub use client::{Client, ClientLimits, Consistency};
pub use error::Error;
pub use kv_statemachine::{Alarm, AlarmKind};
pub use member::{Founder, cluster_id, member_id};
pub use raft_net::{ChangeRefusal, MemberStatus};
pub use space::{DiskReserve, RoomSource};
pub use status::{Header, NodeStatus};

use start::NetRuntime;

/// How long a stop waits until somebody else leads.
const HAND_OVER: Duration = Duration::from_secs(1);

/// A running node.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let node = balsa::Node::builder().data_dir("./data").start().await?;
/// let client = node.client();
/// client.put("colour", "green").await?;
/// assert!(client.get("colour").await?.is_some());
/// node.stop().await;
/// # Ok(())
/// # }
/// ```
///
/// Dropped, it ends at once, as by a crash: nothing that was acknowledged is lost.
/// [`Node::stop`] hands the leadership over and makes the state durable first. The
/// folders are free again once the node has ended and its clients are dropped; a process
/// should not exit before.
pub struct Node {
    replica: Replica<Reply>,
    client: Client,
    net: Net,
    runtime: NetRuntime,
}

impl Node {
    /// Settings to start a node with.
    pub fn builder() -> NodeBuilder {
        NodeBuilder::default()
    }

    /// Asks the node.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Counts of what went to and came from each peer; none without gRPC.
    pub fn peer_counts(&self) -> Vec<(raft_core::NodeId, PeerCounts)> {
        self.client.peer_counts().into_iter().collect()
    }

    /// Waits until the node has ended, for whatever reason.
    pub async fn wait(&self) -> Ending {
        self.replica.wait().await
    }

    /// Stops the node: hands the leadership over if it has it, answers everybody
    /// who waits, makes the state durable and closes the connections. Takes a second
    /// or two, or up to seven where large reads are under way.
    pub async fn stop(self) -> Ending {
        if !self.replica.has_ended() {
            self.hand_over().await;
        }
        self.end().await
    }

    /// Stops the node as [`Node::stop`] does, but hands nothing over: for a cluster that
    /// stops as a whole, in which nobody is left to lead.
    pub async fn end(self) -> Ending {
        let ending = self.replica.stop().await;
        if let Net::Grpc(transport) = &self.net {
            let transport = Arc::clone(transport);
            let closed = self.runtime.handle().spawn(async move { transport.shutdown().await });
            // It ends by its own limits, or with its runtime.
            let _ = closed.await;
        }
        drop((self.replica, self.client, self.net));
        self.runtime.end().await;
        ending
    }

    /// Hands the leadership over, if this node has it and somebody else can.
    async fn hand_over(&self) {
        let replica = self.replica.handle();
        let status = replica.status();
        if status.role != RoleName::Leader || status.membership.voters.len() < 2 {
            return;
        }
        match replica.transfer_leadership(None, HAND_OVER).await {
            Ok(leader) => {
                tracing::info!(leader = format!("{:x}", leader.0), "leadership handed over")
            }
            Err(error) => tracing::warn!(%error, "leadership not handed over"),
        }
    }
}

/// What carries a node's frames.
enum Net {
    /// Nothing: the node has no peers.
    Alone,
    /// The own transport.
    Grpc(Arc<GrpcTransport>),
    /// The caller's.
    Other(Arc<dyn Transport>),
}

impl Net {
    /// The own transport; nothing where there is none.
    fn grpc(&self) -> Weak<GrpcTransport> {
        match self {
            Net::Grpc(transport) => Arc::downgrade(transport),
            Net::Alone | Net::Other(_) => Weak::new(),
        }
    }

    fn transport(&self) -> Option<Arc<dyn Transport>> {
        match self {
            Net::Alone => None,
            Net::Grpc(transport) => Some(Arc::clone(transport) as Arc<dyn Transport>),
            Net::Other(transport) => Some(Arc::clone(transport)),
        }
    }
}
