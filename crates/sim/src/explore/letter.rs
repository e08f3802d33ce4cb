//! What goes from one node to another.

use std::fmt;

use raft_core::{Entry, Event, Incarnation, Message, NodeId, SnapshotMeta, Term, TransferId};

/// Something on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Letter {
    /// A message of the core's.
    Message {
        /// The life of the sender that sent it.
        life: Incarnation,
        /// What it says.
        message: Message,
    },
    /// A whole snapshot.
    Snapshot(Parcel),
    /// The receiver has the whole snapshot.
    Receipt {
        /// Who has it.
        from: NodeId,
        /// Who sent it.
        to: NodeId,
        /// The transfer.
        id: TransferId,
    },
}

/// A snapshot on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Parcel {
    /// The leader that sends it.
    pub from: NodeId,
    /// Who is to install it.
    pub to: NodeId,
    /// The sender's term.
    pub term: Term,
    /// The transfer.
    pub id: TransferId,
    /// What it holds.
    pub snapshot: Snapshot,
}

/// A snapshot. The state in it is what its entries make of it, so it is told by them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// What it covers.
    pub meta: SnapshotMeta,
    /// The entries that it covers, from entry 1 on.
    pub entries: Vec<Entry>,
}

impl Letter {
    /// Who sent it.
    pub fn from(&self) -> NodeId {
        match self {
            Letter::Message { message, .. } => message.from,
            Letter::Snapshot(parcel) => parcel.from,
            Letter::Receipt { from, .. } => *from,
        }
    }

    /// Whom it goes to.
    pub fn to(&self) -> NodeId {
        match self {
            Letter::Message { message, .. } => message.to,
            Letter::Snapshot(parcel) => parcel.to,
            Letter::Receipt { to, .. } => *to,
        }
    }

    /// What the core of the receiver is told when it comes.
    pub fn event(&self) -> Event {
        match self {
            Letter::Message { life, message } => {
                Event::Message { incarnation: *life, message: message.clone() }
            }
            Letter::Snapshot(Parcel { from, term, id, snapshot, .. }) => {
                let meta = snapshot.meta.clone();
                Event::SnapshotReceived { from: *from, term: *term, id: *id, meta }
            }
            Letter::Receipt { from, id, .. } => {
                Event::SnapshotSent { to: *from, id: *id, delivered: true }
            }
        }
    }
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Letter::Message { message, .. } => write!(f, "{message}"),
            Letter::Snapshot(Parcel { from, to, term, id, snapshot }) => {
                write!(f, "{from}→{to} term {term} snapshot {id} {}", snapshot.meta)
            }
            Letter::Receipt { from, to, id } => write!(f, "{from}→{to} has snapshot {id}"),
        }
    }
}
