//! A write that was acknowledged is in the committed log, once, and did what the
//! client was told; one that was said not to be done never is.

use std::collections::BTreeSet;

use kv_statemachine::Operation;

use super::{Fact, Invariant, Known, Sort};
use crate::workload::{Effect, Outcome, Request, Tag, tag_of};

/// The writes whose clients were told that they are not done.
#[derive(Debug, Default)]
pub struct AcknowledgedWrites {
    not_written: BTreeSet<Tag>,
}

impl Invariant for AcknowledgedWrites {
    fn name(&self) -> &'static str {
        "no acknowledged write is lost, none is done twice"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Completed, Sort::Ended]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Completed { request: Request::Write(operation), outcome, .. } => {
                self.completed(known, operation, outcome)
            }
            Fact::Ended => self.ended(known),
            _ => Ok(()),
        }
    }
}

impl AcknowledgedWrites {
    fn completed(
        &mut self,
        known: &Known,
        operation: &Operation,
        outcome: &Outcome,
    ) -> Result<(), String> {
        match (tag_of(operation), outcome) {
            (Some(tag), Outcome::Written(result)) => match known.writes.get(&tag) {
                None => Err(format!("{tag} was acknowledged, but nobody has applied it")),
                Some(applied) if applied.effect == Effect::of(result) => Ok(()),
                Some(applied) => Err(format!(
                    "{tag}, entry {}: the client was told {:?}, the model says {:?}",
                    applied.index,
                    Effect::of(result),
                    applied.effect
                )),
            },
            (None, Outcome::Written(Ok(_))) => compacted(known, operation),
            (Some(tag), Outcome::NotWritten) => {
                self.not_written.insert(tag);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn ended(&self, known: &Known) -> Result<(), String> {
        for (tag, applied) in &known.writes {
            if applied.times != 1 {
                return Err(format!("{tag} was applied {} times", applied.times));
            }
            if self.not_written.contains(tag) {
                let index = applied.index;
                return Err(format!("{tag} was said not to be done, but entry {index} did it"));
            }
        }
        Ok(())
    }
}

/// Whether an acknowledged compaction is done.
fn compacted(known: &Known, operation: &Operation) -> Result<(), String> {
    let Operation::Compact(compact) = operation else { return Ok(()) };
    if known.model.compacted() >= compact.revision {
        return Ok(());
    }
    Err(format!(
        "the compaction at {} was acknowledged, but nobody has applied it",
        compact.revision
    ))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kv_statemachine::{Command, PutRequest, PutResponse, Response, codec};
    use raft_core::{Entry, NodeId};

    use super::super::testing::{History, entry};
    use super::*;
    use crate::workload::OpId;

    fn write(number: u64) -> Operation {
        Operation::Put(PutRequest::of("k", number.to_string()))
    }

    fn entry_of(index: u64, operation: Operation) -> Entry {
        let payload: Bytes = codec::encode(&Command::new(operation));
        Entry { format: codec::FORMAT, payload, ..entry(1, index, "") }
    }

    fn told(revision: i64) -> Outcome {
        let put = PutResponse { revision, prev_kv: None };
        Outcome::Written(Ok(Response::Put(put)))
    }

    fn completed<'a>(request: &'a Request, outcome: &'a Outcome) -> Fact<'a> {
        Fact::Completed { op: OpId(1), request, outcome }
    }

    #[test]
    fn an_acknowledged_write_must_be_applied_as_told() {
        let mut history = History::of(AcknowledgedWrites::default());
        let request = Request::Write(write(7));
        history.rejects(&completed(&request, &told(2)));
        let entries = [entry_of(1, write(7))];
        history.accepts(&Fact::Applying { node: NodeId(1), entries: &entries });
        history.rejects(&completed(&request, &told(3)));
        history.accepts(&completed(&request, &told(2)));
        history.accepts(&Fact::Ended);
    }

    #[test]
    fn a_write_done_twice_is_rejected() {
        let mut history = History::of(AcknowledgedWrites::default());
        let entries = [entry_of(1, write(7)), entry_of(2, write(7))];
        history.accepts(&Fact::Applying { node: NodeId(1), entries: &entries });
        history.rejects(&Fact::Ended);
    }

    #[test]
    fn a_write_said_not_to_be_done_must_not_be() {
        let mut history = History::of(AcknowledgedWrites::default());
        let request = Request::Write(write(7));
        history.accepts(&completed(&request, &Outcome::NotWritten));
        let entries = [entry_of(1, write(7))];
        history.accepts(&Fact::Applying { node: NodeId(1), entries: &entries });
        history.rejects(&Fact::Ended);
    }
}
