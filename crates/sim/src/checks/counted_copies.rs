//! What a leader counts on others, and a node on itself, is on their disks: the
//! `matchIndex` of the Raft paper's figure 2, and its "updated on stable storage".
//!
//! A commit without a quorum takes more than one copy that is not there. This looks at
//! each copy alone, as soon as somebody counts it: a leader that believes of a follower
//! what that follower's disk does not hold is wrong, whatever becomes of it.

use std::collections::BTreeMap;

use raft_core::{Index, NodeId, PeerStatus, RoleName, Status, Term};

use super::{Disk, Fact, Invariant, Known, Sort};

/// Looks at the disks when a node counts more than it did.
#[derive(Debug, Default)]
pub struct CountedCopies {
    /// What each leader counted last on its peers, in which term.
    counted: BTreeMap<NodeId, (Term, Vec<(NodeId, Index)>)>,
}

impl Invariant for CountedCopies {
    fn name(&self) -> &'static str {
        "copies that are counted are on their disks (Raft paper, figure 2)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Turned]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Turned { status } = fact else { return Ok(()) };
        own(known, status)?;
        if status.role != RoleName::Leader || !self.is_news(status) {
            return Ok(());
        }
        status.peers.iter().try_for_each(|peer| of_peer(known, status, peer))
    }
}

impl CountedCopies {
    /// Whether a leader counts anything else than the last time.
    fn is_news(&mut self, status: &Status) -> bool {
        let (term, counted) = self.counted.entry(status.id).or_default();
        let now = || status.peers.iter().map(|peer| (peer.id, peer.matched));
        let is_news = *term != status.ballot.term || !now().eq(counted.iter().copied());
        if is_news {
            *term = status.ballot.term;
            counted.clear();
            counted.extend(now());
        }
        is_news
    }
}

/// Whether a node has what it counts on itself.
fn own(known: &Known, status: &Status) -> Result<(), String> {
    let Some(disk) = known.disks.get(&status.id) else { return Ok(()) };
    let end = disk.log.last().index.min(status.last.index);
    if status.durable <= end {
        return Ok(());
    }
    Err(format!(
        "{} counts its log as durable up to {}; it ends at {}, and on the disk at {}",
        status.id,
        status.durable,
        status.last,
        disk.log.last()
    ))
}

/// Whether a peer has what its leader counts on it. One that has gone on to a later term
/// may have lost it since, to that term's leader.
fn of_peer(known: &Known, status: &Status, peer: &PeerStatus) -> Result<(), String> {
    let (term, matched) = (status.ballot.term, peer.matched);
    let (Some(theirs), Some(own)) = (known.disks.get(&peer.id), known.disks.get(&status.id)) else {
        return Ok(());
    };
    if matched == Index::ZERO || theirs.ballot.term > term || has(theirs, own, term, matched) {
        return Ok(());
    }
    Err(format!(
        "{} leads term {term} and counts {matched} on {}, whose disk holds {} and a log up to {}",
        status.id,
        peer.id,
        theirs.ballot,
        theirs.log.last()
    ))
}

/// Whether a disk is in the leader's term and holds its log up to an index, as far as the
/// leader's own disk tells what that is.
fn has(theirs: &Disk, own: &Disk, term: Term, matched: Index) -> bool {
    let is_same = match (theirs.log.term_at(matched), own.log.term_at(matched)) {
        (Some(one), Some(other)) => one == other,
        (None, _) | (_, None) => true,
    };
    theirs.ballot.term == term && theirs.log.last().index >= matched && is_same
}

#[cfg(test)]
mod tests {
    use raft_core::PeerState;
    use raft_storage::LogWrite;

    use super::super::testing::{History, entry, status, vote};
    use super::*;

    fn counting(matched: u64) -> Status {
        let peer = PeerStatus {
            id: NodeId(2),
            matched: Index(matched),
            next: Index(matched + 1),
            state: PeerState::Replicate,
        };
        Status { peers: vec![peer], ..status(1, RoleName::Leader, 2, 2) }
    }

    /// A leader with two entries, and a follower with those that are given.
    fn history(follower: &[LogWrite]) -> History<CountedCopies> {
        let mut history = History::of(CountedCopies::default());
        let log = vec![entry(1, 1, "a"), entry(2, 2, "b")];
        history.synced(1, &[vote(2, 1), LogWrite::Append(log)]);
        history.synced(2, follower);
        history
    }

    #[test]
    fn a_copy_that_is_not_there_is_rejected() {
        let first = LogWrite::Append(vec![entry(1, 1, "a")]);
        let mut history = history(&[vote(2, 1), first]);
        history.accepts(&Fact::Turned { status: &counting(1) });
        history.rejects(&Fact::Turned { status: &counting(2) });
        history.synced(2, &[LogWrite::Append(vec![entry(2, 2, "b")])]);
        history.accepts(&Fact::Turned { status: &counting(1) });
        history.accepts(&Fact::Turned { status: &counting(2) });
    }

    #[test]
    fn a_copy_of_another_entry_or_before_the_term_is_rejected() {
        let other = LogWrite::Append(vec![entry(1, 1, "a"), entry(1, 2, "x")]);
        history(&[vote(2, 1), other]).rejects(&Fact::Turned { status: &counting(2) });
        let same = LogWrite::Append(vec![entry(1, 1, "a"), entry(2, 2, "b")]);
        history(&[vote(1, 1), same.clone()]).rejects(&Fact::Turned { status: &counting(2) });
        history(&[vote(3, 3), same]).accepts(&Fact::Turned { status: &counting(2) });
    }

    #[test]
    fn what_counts_as_durable_and_is_not_is_rejected() {
        let follower =
            |durable| Status { durable: Index(durable), ..status(2, RoleName::Follower, 2, 2) };
        let mut history = history(&[vote(2, 1), LogWrite::Append(vec![entry(1, 1, "a")])]);
        history.accepts(&Fact::Turned { status: &follower(1) });
        history.rejects(&Fact::Turned { status: &follower(2) });
    }
}
