//! Logs: matching, append-only, completeness, and what is applied.

use raft_core::{Entry, Position, RoleName};

use super::super::log_view::LogView;
use super::{Checker, Live, Verdict, View};

impl Checker {
    /// Log matching: one position, one entry, one predecessor, in all logs for
    /// all time. By induction two logs that share a position are equal up to it.
    pub(super) fn log_matching(&mut self, log: &LogView) -> Verdict {
        let mut before = log.base.position;
        for entry in &log.entries {
            self.same_entry(entry, before)?;
            before = entry.position();
        }
        Ok(())
    }

    fn same_entry(&mut self, entry: &Entry, before: Position) -> Verdict {
        let seen = self.entries.entry(entry.position()).or_insert((entry.clone(), before));
        if *seen == (entry.clone(), before) {
            return Ok(());
        }
        Err(format!("log matching: [{entry}] after {before}, but [{}] after {}", seen.0, seen.1))
    }

    /// Leader append-only: a leader never replaces or loses an entry of its log.
    pub(super) fn leader_append_only(&mut self, view: &View, live: &Live) -> Verdict {
        if live.role != RoleName::Leader {
            return Ok(());
        }
        let before = self.leader_logs.insert(live.term, view.memory.clone()).unwrap_or_default();
        match before.entries.iter().find(|entry| !view.memory.covers(entry.position())) {
            Some(lost) => Err(format!("leader append-only: {} lost [{lost}]", view.id)),
            None => Ok(()),
        }
    }

    /// Leader completeness: a leader has all that was committed in earlier terms.
    pub(super) fn leader_completeness(&self, view: &View, live: &Live) -> Verdict {
        if live.role != RoleName::Leader {
            return Ok(());
        }
        let mut earlier = self.committed.values().filter(|(_, term)| *term < live.term);
        match earlier.find(|(position, _)| !view.memory.covers(*position)) {
            Some((position, _)) => Err(format!(
                "leader completeness: {} leads term {} without {position}",
                view.id, live.term
            )),
            None => Ok(()),
        }
    }

    /// A node's commit index never goes back while it runs.
    pub(super) fn commit_monotonic(&mut self, view: &View, live: &Live) -> Verdict {
        let before = self.commits.insert((view.id, view.boots), live.commit).unwrap_or_default();
        if live.commit < before {
            return Err(format!(
                "commit monotonic: {} goes from {before} back to {}",
                view.id, live.commit
            ));
        }
        Ok(())
    }

    /// State machine safety: what is applied is what was committed, on all nodes,
    /// in order and without gaps.
    pub(super) fn state_machine_safety(&self, view: &View) -> Verdict {
        for (i, entry) in view.state.applied.iter().enumerate() {
            let position = entry.position();
            let committed = self.committed.get(&position.index).map(|(position, _)| *position);
            if position.index.0 != i as u64 + 1 || committed != Some(position) {
                return Err(format!("state machine safety: {} applied [{entry}]", view.id));
            }
        }
        Ok(())
    }
}
