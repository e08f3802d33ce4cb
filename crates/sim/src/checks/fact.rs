//! What the checks are told.

use kv_statemachine::StateHash;
use raft_core::{Entry, Index, Message, NodeId, SnapshotMeta, Status};
use raft_storage::{LogWrite, RecoveredLog};

use crate::workload::{OpId, Outcome, Request, Tag};

/// One thing that is certain to have happened, seen from outside the nodes: on
/// their disks, on the network, or in front of a client.
#[derive(Clone, Copy, Debug)]
pub enum Fact<'a> {
    /// A process started and found this in its log.
    Booted {
        /// The node.
        node: NodeId,
        /// What it found.
        found: &'a RecoveredLog,
    },
    /// A node gave a group of writes to its disk.
    Writing {
        /// The node.
        node: NodeId,
        /// The group.
        group: &'a [LogWrite],
    },
    /// The group given last is on stable storage.
    Synced {
        /// The node.
        node: NodeId,
        /// The group.
        group: &'a [LogWrite],
    },
    /// A node is about to forget the start of its log.
    Purging {
        /// The node.
        node: NodeId,
        /// The last entry to go.
        upto: Index,
        /// What the state on the node's disk has applied.
        durable: Index,
        /// What the newest complete snapshot on its disk covers.
        snapshot: Index,
    },
    /// A node's core took a turn; this is how it stands now.
    Turned {
        /// How it stands.
        status: &'a Status,
    },
    /// A node let a message out.
    Sent {
        /// The message.
        message: &'a Message,
    },
    /// A node's state machine is given these entries.
    Applying {
        /// The node.
        node: NodeId,
        /// The entries.
        entries: &'a [Entry],
    },
    /// A node replaced its state by a snapshot.
    Installed {
        /// The node.
        node: NodeId,
        /// What the snapshot covers.
        meta: &'a SnapshotMeta,
    },
    /// A node's state after this index has this hash.
    Hashed {
        /// The node.
        node: NodeId,
        /// The index.
        index: Index,
        /// The hash.
        hash: StateHash,
    },
    /// A client asked for something.
    Invoked {
        /// Names the request.
        op: OpId,
        /// The write's tag, if it is a write and has one.
        tag: Option<Tag>,
    },
    /// A client was told the outcome.
    Completed {
        /// Names the request.
        op: OpId,
        /// What it was.
        request: &'a Request,
        /// What came of it.
        outcome: &'a Outcome,
    },
    /// The run is over; nothing is on its way any more.
    Ended,
}

/// What sort of fact it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sort {
    /// See [`Fact::Booted`].
    Booted,
    /// See [`Fact::Writing`].
    Writing,
    /// See [`Fact::Synced`].
    Synced,
    /// See [`Fact::Purging`].
    Purging,
    /// See [`Fact::Turned`].
    Turned,
    /// See [`Fact::Sent`].
    Sent,
    /// See [`Fact::Applying`].
    Applying,
    /// See [`Fact::Installed`].
    Installed,
    /// See [`Fact::Hashed`].
    Hashed,
    /// See [`Fact::Invoked`].
    Invoked,
    /// See [`Fact::Completed`].
    Completed,
    /// See [`Fact::Ended`].
    Ended,
}

impl Sort {
    /// How many there are.
    pub const NUMBER: usize = Sort::Ended as usize + 1;
}

impl Fact<'_> {
    /// What sort of fact it is.
    pub fn sort(&self) -> Sort {
        match self {
            Fact::Booted { .. } => Sort::Booted,
            Fact::Writing { .. } => Sort::Writing,
            Fact::Synced { .. } => Sort::Synced,
            Fact::Purging { .. } => Sort::Purging,
            Fact::Turned { .. } => Sort::Turned,
            Fact::Sent { .. } => Sort::Sent,
            Fact::Applying { .. } => Sort::Applying,
            Fact::Installed { .. } => Sort::Installed,
            Fact::Hashed { .. } => Sort::Hashed,
            Fact::Invoked { .. } => Sort::Invoked,
            Fact::Completed { .. } => Sort::Completed,
            Fact::Ended => Sort::Ended,
        }
    }
}
