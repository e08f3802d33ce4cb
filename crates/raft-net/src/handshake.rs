//! Who is at the other end.
//!
//! A frame that reaches the wrong process can do harm that no check inside the
//! protocol sees: another cluster's votes would count, and a member whose disk was
//! wiped would vote twice in one term. So each connection begins with both sides
//! saying who they are, and ends there if that is not who was meant.

use raft_core::{Incarnation, NodeId};

use crate::frame::Lane;

/// The version of what nodes say to each other. Nodes of different versions do
/// not talk.
pub const PROTOCOL_VERSION: u32 = 1;

/// Who a node is, for one life of its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster it belongs to.
    pub cluster: u64,
    /// The node.
    pub node: NodeId,
    /// This life of it.
    pub incarnation: Incarnation,
    /// The random id of its data folder.
    pub storage: u64,
}

/// What the dialling node says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Its [`PROTOCOL_VERSION`].
    pub protocol_version: u32,
    /// Who it is.
    pub sender: Identity,
    /// Whom it means to reach.
    pub receiver: NodeId,
    /// What the connection is for.
    pub lane: Lane,
}

/// What the dialled node answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Its [`PROTOCOL_VERSION`].
    pub protocol_version: u32,
    /// Who it is.
    pub sender: Identity,
}

/// Why two processes must not talk, as this node sees it: `expected` is what it is
/// or knows, `found` what the other side said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// They speak different versions.
    #[error(
        "the peer speaks protocol version {found}, this node {expected}: \
         run versions that speak the same one"
    )]
    ProtocolVersion {
        /// This node's version.
        expected: u32,
        /// The peer's version.
        found: u32,
    },
    /// They belong to different clusters.
    #[error(
        "the peer belongs to cluster {found:x}, this node to cluster {expected:x}: \
         look for a wrong peer address, or a data folder of another cluster"
    )]
    Cluster {
        /// This node's cluster.
        expected: u64,
        /// The peer's cluster.
        found: u64,
    },
    /// Somebody else lives at the address.
    #[error(
        "members {expected:x} and {found:x} are taken for one another: \
         look for a wrong or exchanged peer address"
    )]
    Receiver {
        /// Who compares: the member reached, or the one that was looked for.
        expected: u64,
        /// Whom the other side looked for, or said to be.
        found: u64,
    },
    /// The member came back with another data folder: what it voted for and
    /// stored before is forgotten, so its word must not count (rule 13).
    #[error(
        "the member has the data folder {found:016x}, but {expected:016x} is recorded for it: \
         its old folder must come back, or the member be removed and added anew"
    )]
    Storage {
        /// The recorded storage id.
        expected: u64,
        /// The one it has now.
        found: u64,
    },
    /// The member was removed, by committed evidence; its id is never used again.
    #[error(
        "member {member:x} was removed from the cluster for good: stop it, and add it anew, \
         with an empty folder, if it is to come back"
    )]
    Removed {
        /// The member.
        member: u64,
    },
}

impl Identity {
    /// What this node says first on a lane to a peer.
    pub fn hello(&self, receiver: NodeId, lane: Lane) -> Hello {
        Hello { protocol_version: PROTOCOL_VERSION, sender: *self, receiver, lane }
    }

    /// What this node answers.
    pub fn welcome(&self) -> Welcome {
        Welcome { protocol_version: PROTOCOL_VERSION, sender: *self }
    }

    /// Whether this node may listen to who dialled. `recorded` is the storage id
    /// that the membership has for the dialling node, if it has one.
    ///
    /// # Errors
    ///
    /// The first reason why not.
    pub fn check_hello(&self, hello: &Hello, recorded: Option<u64>) -> Result<(), HandshakeError> {
        check_version(hello.protocol_version)?;
        check_cluster(self.cluster, hello.sender.cluster)?;
        if hello.receiver != self.node {
            let (expected, found) = (self.node.0, hello.receiver.0);
            return Err(HandshakeError::Receiver { expected, found });
        }
        check_storage(recorded, hello.sender.storage)
    }

    /// Whether this node may talk to who answered where it looked for `peer`.
    ///
    /// # Errors
    ///
    /// The first reason why not.
    pub fn check_welcome(
        &self,
        welcome: &Welcome,
        peer: NodeId,
        recorded: Option<u64>,
    ) -> Result<(), HandshakeError> {
        check_version(welcome.protocol_version)?;
        check_cluster(self.cluster, welcome.sender.cluster)?;
        if welcome.sender.node != peer {
            let (expected, found) = (peer.0, welcome.sender.node.0);
            return Err(HandshakeError::Receiver { expected, found });
        }
        check_storage(recorded, welcome.sender.storage)
    }
}

fn check_version(found: u32) -> Result<(), HandshakeError> {
    if found != PROTOCOL_VERSION {
        return Err(HandshakeError::ProtocolVersion { expected: PROTOCOL_VERSION, found });
    }
    Ok(())
}

fn check_cluster(expected: u64, found: u64) -> Result<(), HandshakeError> {
    if found != expected {
        return Err(HandshakeError::Cluster { expected, found });
    }
    Ok(())
}

fn check_storage(recorded: Option<u64>, found: u64) -> Result<(), HandshakeError> {
    match recorded {
        Some(expected) if expected != found => Err(HandshakeError::Storage { expected, found }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(node: u64) -> Identity {
        Identity {
            cluster: 7,
            node: NodeId(node),
            incarnation: Incarnation(node + 100),
            storage: node + 200,
        }
    }

    #[test]
    fn who_was_meant_is_let_in() {
        let (one, two) = (identity(1), identity(2));
        let hello = one.hello(NodeId(2), Lane::Bulk);
        assert_eq!(two.check_hello(&hello, None), Ok(()));
        assert_eq!(two.check_hello(&hello, Some(201)), Ok(()));
        assert_eq!(one.check_welcome(&two.welcome(), NodeId(2), None), Ok(()));
        assert_eq!(one.check_welcome(&two.welcome(), NodeId(2), Some(202)), Ok(()));
    }

    #[test]
    fn everybody_else_is_refused_by_name() {
        let (one, two) = (identity(1), identity(2));
        let hello = one.hello(NodeId(2), Lane::Bulk);

        let newer = Hello { protocol_version: 2, ..hello };
        let refused = two.check_hello(&newer, None).unwrap_err();
        assert_eq!(refused, HandshakeError::ProtocolVersion { expected: 1, found: 2 });
        assert!(refused.to_string().contains("version 2, this node 1"));

        let other = Identity { cluster: 8, ..two };
        let refused = other.check_hello(&hello, None).unwrap_err();
        assert_eq!(refused, HandshakeError::Cluster { expected: 8, found: 7 });
        assert!(refused.to_string().contains("cluster 7, this node to cluster 8"));

        let refused = identity(3).check_hello(&hello, None).unwrap_err();
        assert_eq!(refused, HandshakeError::Receiver { expected: 3, found: 2 });
        assert!(refused.to_string().contains("members 3 and 2"));

        let refused = two.check_hello(&hello, Some(0xbeef)).unwrap_err();
        assert_eq!(refused, HandshakeError::Storage { expected: 0xbeef, found: 201 });
        assert!(refused.to_string().contains("00000000000000c9"));
        assert!(refused.to_string().contains("000000000000beef"));
    }

    #[test]
    fn who_answers_is_checked_as_well() {
        let (one, two) = (identity(1), identity(2));
        let newer = Welcome { protocol_version: 2, ..two.welcome() };
        assert_eq!(
            one.check_welcome(&newer, NodeId(2), None),
            Err(HandshakeError::ProtocolVersion { expected: 1, found: 2 })
        );
        let other = Identity { cluster: 8, ..two };
        assert_eq!(
            one.check_welcome(&other.welcome(), NodeId(2), None),
            Err(HandshakeError::Cluster { expected: 7, found: 8 })
        );
        assert_eq!(
            one.check_welcome(&two.welcome(), NodeId(3), None),
            Err(HandshakeError::Receiver { expected: 3, found: 2 })
        );
        assert_eq!(
            one.check_welcome(&two.welcome(), NodeId(2), Some(1)),
            Err(HandshakeError::Storage { expected: 1, found: 202 })
        );
    }
}
