//! No entry lies on a disk before its term does: term, vote and log are one ordered
//! stream of writes (Raft paper, figure 2: all three are "updated on stable storage
//! before responding"). Else a crash in between leaves a node that holds entries of
//! a term in which it could vote as if it had never been there.

use raft_storage::LogWrite;

use super::{Fact, Invariant, Known, Sort};

/// Looks at each group that is synced.
#[derive(Debug)]
pub struct TermsBeforeEntries;

impl Invariant for TermsBeforeEntries {
    fn name(&self) -> &'static str {
        "no entry is on a disk before its term (Raft paper, figure 2)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Synced]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Synced { node, group } = fact else { return Ok(()) };
        let Some(disk) = known.disks.get(node) else { return Ok(()) };
        let mut ballot = disk.ballot;
        for write in *group {
            match write {
                LogWrite::Ballot(next) => ballot = *next,
                LogWrite::Append(entries) => {
                    if let Some(early) = entries.iter().find(|entry| entry.term > ballot.term) {
                        return Err(format!(
                            "{node} has entry {} on its disk, and {ballot}",
                            early.position()
                        ));
                    }
                }
                LogWrite::Purge(_) | LogWrite::Reset(_) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use raft_core::NodeId;

    use super::super::testing::{History, entry, vote};
    use super::*;

    #[test]
    fn an_entry_before_its_term_is_rejected() {
        let append = LogWrite::Append(vec![entry(2, 1, "a")]);
        let synced = |history: &mut History<TermsBeforeEntries>, group: &[LogWrite]| {
            history.synced(1, group);
        };
        synced(&mut History::of(TermsBeforeEntries), &[vote(2, 1), append.clone()]);
        let mut history = History::of(TermsBeforeEntries);
        synced(&mut history, &[vote(1, 1)]);
        history.rejects(&Fact::Synced { node: NodeId(1), group: &[append.clone(), vote(2, 1)] });
        synced(&mut history, &[vote(3, 1)]);
        synced(&mut history, &[append]);
    }
}
