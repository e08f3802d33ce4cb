//! Commands on their way into the leader's log.

use crate::effect::{Effect, Effects, Refusal, Reply};
use crate::entry::{Entry, EntryKind};
use crate::event::Proposal;
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::types::{Index, Position};

impl Raft {
    /// Appends a batch of commands as one write. A prefix may be accepted: where
    /// the bound on what is unfinished is reached, the rest is refused.
    pub(crate) fn on_propose(&mut self, proposals: Vec<Proposal>, fx: &mut Effects) {
        let reason = match &self.role {
            Role::Leader(_) if self.transfer.is_some() => Some(Refusal::Transferring),
            Role::Leader(_) => None,
            _ => Some(Refusal::NotLeader),
        };
        if let Some(reason) = reason {
            proposals.iter().for_each(|proposal| self.refuse(proposal.ticket, reason, fx));
            return;
        }
        let accepted = self.count_admissible(&proposals);
        let term = self.ballot.term;
        let mut index = self.log.last_index();
        let mut entries = Vec::with_capacity(accepted);
        let mut answers = Vec::with_capacity(accepted);
        let mut proposals = proposals.into_iter();
        for Proposal { ticket, format, payload } in proposals.by_ref().take(accepted) {
            index = Index(index.0 + 1);
            entries.push(Entry { term, index, kind: EntryKind::COMMAND, format, payload });
            let reply = Reply::Accepted(Position { term, index });
            answers.push(Effect::Answer { ticket, reply });
        }
        if !entries.is_empty() {
            self.append_all_own(entries, fx);
        }
        answers.into_iter().for_each(|answer| fx.push(answer));
        proposals.for_each(|proposal| self.refuse(proposal.ticket, Refusal::Overloaded, fx));
    }

    /// How many of the proposals fit under the bound; one always does if nothing
    /// is unfinished.
    fn count_admissible(&self, proposals: &[Proposal]) -> usize {
        let Role::Leader(leader) = &self.role else { return 0 };
        let mut unfinished = leader.unfinished_bytes;
        let fits = |proposal: &Proposal| {
            let size = proposal.payload.len() as u64 + Entry::OVERHEAD;
            let fits = unfinished == 0 || unfinished + size <= self.config.limits.uncommitted_bytes;
            unfinished += size;
            fits
        };
        proposals.iter().map(fits).take_while(|fits| *fits).count()
    }
}
