//! Who belongs to the cluster, and what may be asked about it on the peer port
//! besides frames.
//!
//! A change is made by the leader alone, for only it knows how far the others are. Any
//! other member sends what a client asks of it to the leader as one call, and gets one
//! answer. A call is never repeated once it is on its way: it may have been carried out.

use std::pin::Pin;
use std::time::Duration;

use raft_core::NodeId;

/// A member of the cluster, as clients and joining nodes are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberStatus {
    /// Its id.
    pub id: NodeId,
    /// Its name; empty until it has started once.
    pub name: String,
    /// Where its peers reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it; empty until it has started once.
    pub client_urls: Vec<String>,
    /// Whether it has no vote.
    pub is_learner: bool,
}

/// A change of who belongs to the cluster, one member at a time: each moves one vote at
/// most, so that none needs a joint phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// A member comes, under an id that the leader finds for it.
    Add {
        /// Where its peers will reach it.
        peer_urls: Vec<String>,
        /// Whether it has no vote at first.
        is_learner: bool,
    },
    /// A member goes, for good.
    Remove(NodeId),
    /// A learner gets a vote.
    Promote(NodeId),
    /// A member is reached elsewhere from now on.
    Update {
        /// The member.
        id: NodeId,
        /// Where its peers reach it.
        peer_urls: Vec<String>,
    },
}

/// A change that is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The member that it is about.
    pub member: NodeId,
    /// All members after it.
    pub members: Vec<MemberStatus>,
}

/// Why a change was not made. The messages are etcd's, because clients match on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefusal {
    /// A peer URL cannot be dialled, or none is given.
    #[error("etcdserver: given member URLs are invalid")]
    BadUrls,
    /// Another member is at one of the URLs.
    #[error("etcdserver: Peer URLs already exists")]
    PeerUrlExists,
    /// The id is that of a member, or of one that was removed. A second later the same
    /// URLs make another id.
    #[error("etcdserver: member ID already exist")]
    MemberExists,
    /// There is no such member, or not any more.
    #[error("etcdserver: member not found")]
    MemberNotFound,
    /// The member has a vote already.
    #[error("etcdserver: can only promote a learner member")]
    NotLearner,
    /// The learner has not caught up: it has less than nine tenths of the log.
    #[error("etcdserver: can only promote a learner member which is in sync with leader")]
    LearnerNotReady,
    /// As many learners as may be are there.
    #[error("etcdserver: too many learner members in cluster")]
    TooManyLearners,
    /// Members that have never started would make the majority.
    #[error("etcdserver: re-configuration failed due to not enough started members")]
    NotEnoughStarted,
    /// The leader is in touch with too few members to risk it.
    #[error("etcdserver: unhealthy cluster")]
    Unhealthy,
}

/// Why a leader did not make a change that it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeFailure {
    /// It makes no sense, or is too dangerous now.
    #[error(transparent)]
    Refused(#[from] ChangeRefusal),
    /// Certainly not made: this node does not lead, or another change is under way.
    #[error("not now: ask whoever leads again")]
    NotNow,
    /// It may have been made, or may yet be.
    #[error("the outcome is unknown: look at the list of members before asking again")]
    Unknown,
}

/// What becomes of a change.
pub type ChangeOutcome = Result<Changed, ChangeFailure>;

/// A change under way.
pub type ChangeFuture = Pin<Box<dyn Future<Output = ChangeOutcome> + Send>>;

/// Answers what is asked about members on the peer port.
pub trait MemberDesk: Send + Sync {
    /// All members, by the membership in force here.
    fn members(&self) -> Vec<MemberStatus>;

    /// Whether the node was a member once, by committed evidence.
    fn is_removed(&self, id: NodeId) -> bool;

    /// Makes a change, if this node leads, within a time.
    fn change(&self, change: MemberChange, timeout: Duration) -> ChangeFuture;
}
