//! What must be on a disk before it is said, counted or applied.

use raft_core::{Ballot, Body, Index, Message, Position, Term};

use super::{Checker, Live, Verdict, View};

impl Checker {
    /// Durable commit: what is committed for the first time is on the disks of a
    /// majority of each configuration in force; and it is never another entry.
    pub(super) fn committed_is_durable(
        &mut self,
        view: &View,
        live: &Live,
        views: &[View],
    ) -> Verdict {
        let first = view.memory.base.position.index.max(Index(1));
        for index in (first.0..=live.commit.0).map(Index) {
            let Some(term) = view.memory.term_at(index) else {
                return Err(format!("commit: {} commits {index} without having it", view.id));
            };
            let position = Position { term, index };
            match self.committed.get(&index) {
                Some((known, _)) if *known == position => {}
                Some((known, _)) => {
                    return Err(format!(
                        "commit: {} commits {position}, but {known} was committed before",
                        view.id
                    ));
                }
                None => {
                    let stored = |id| {
                        views.iter().any(|other| other.id == id && other.disk.covers(position))
                    };
                    if !view.memory.membership().agrees(stored) {
                        return Err(format!(
                            "durable commit: {} commits {position}, which no quorum has on disk",
                            view.id
                        ));
                    }
                    self.committed.insert(index, (position, live.term));
                }
            }
        }
        Ok(())
    }

    /// The state is never ahead of the own disk's log: a node whose state is could
    /// not be told from one whose log was lost.
    pub(super) fn state_behind_log(&self, view: &View) -> Verdict {
        let (applied, last) = (view.state.index(), view.disk.last().index);
        if applied > last {
            return Err(format!("state behind log: {} applied {applied} of {last}", view.id));
        }
        Ok(())
    }

    /// A message leaves: what it says of the sender's disk is true now.
    pub fn sends(&mut self, sender: &View, message: &Message) -> Verdict {
        let (id, term, to) = (sender.id, message.term, message.to);
        match &message.body {
            Body::AppendAccepted { matched } | Body::SnapshotAck { matched, .. } => {
                self.acknowledges(sender, term, *matched)
            }
            Body::VoteReply { granted: true } => {
                let ballot = Ballot { term, vote: Some(to) };
                self.one_vote(id, ballot)?;
                on_disk(sender, ballot)
            }
            Body::Vote { .. } => on_disk(sender, Ballot { term, vote: Some(id) }),
            Body::Append { entries, .. } => {
                match entries.iter().find(|entry| !sender.memory.covers(entry.position())) {
                    Some(entry) => Err(format!("append: {id} sends [{entry}] but has it not")),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// An acknowledgement says `min(durable, verified in this term)`, and stands on
    /// a disk that knows the term.
    fn acknowledges(&self, sender: &View, term: Term, matched: Index) -> Verdict {
        let (id, disk) = (sender.id, sender.disk);
        if disk.ballot.term < term || disk.last().index < matched {
            return Err(format!(
                "acknowledgement: {id} says {matched} in term {term}, its disk has {} in term {}",
                disk.last().index,
                disk.ballot.term
            ));
        }
        let own = disk.term_at(matched).map(|term| Position { term, index: matched });
        match (self.leader_logs.get(&term), own) {
            (Some(leader), Some(own)) if !leader.covers(own) => {
                Err(format!("acknowledgement: {id} says {own}, which its leader does not have"))
            }
            _ => Ok(()),
        }
    }
}

fn on_disk(sender: &View, ballot: Ballot) -> Verdict {
    if sender.disk.ballot == ballot {
        return Ok(());
    }
    Err(format!(
        "ballot: {} says \"{ballot}\", its disk says \"{}\"",
        sender.id, sender.disk.ballot
    ))
}
