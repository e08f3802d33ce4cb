//! Reads and writes are linearizable (Herlihy and Wing, 1990; Raft paper, section 8).
//!
//! Every answer carries the revision of the store at which it took effect, so
//! there is no order to be searched for: an answer's revision must be at least
//! the highest one that any client had been told of when the request was made,
//! and what a read found must be the state as of its revision. A serializable read need
//! only be the state as of some revision.

use kv_statemachine::{KvError, RangeRequest, RangeResponse};

use super::{Fact, Invariant, Known, Sort, told};
use crate::workload::{Outcome, Request};

/// Compares each answer with the model.
#[derive(Debug)]
pub struct Linearizable;

impl Invariant for Linearizable {
    fn name(&self) -> &'static str {
        "linearizability (Herlihy and Wing, 1990)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Completed]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Completed { op, request, outcome } = fact else { return Ok(()) };
        // A serializable read may be of any state that there was.
        let is_local = matches!(request, Request::LocalRead(_));
        let floor = known.floors.get(op).copied().filter(|_| !is_local).unwrap_or_default();
        if let Some(revision) = told(outcome) {
            let latest = known.model.revision();
            if revision < floor || revision > latest {
                return Err(format!(
                    "{op} ({request}) was answered at revision {revision}; when it was made \
                     somebody had seen {floor}, and the latest is {latest}"
                ));
            }
        }
        match (request, outcome) {
            (Request::Read(range) | Request::LocalRead(range), Outcome::Read(Ok(found))) => {
                check_found(known, range, found)
            }
            (Request::LocalRead(_), Outcome::Read(Err(KvError::FutureRevision))) => Ok(()),
            (Request::LocalRead(range), Outcome::Read(Err(error))) => {
                check_refused(known, range, *error, floor)
            }
            (Request::Read(range), Outcome::Read(Err(error))) => {
                check_refused(known, range, *error, floor)
            }
            _ => Ok(()),
        }
    }
}

fn check_found(known: &Known, range: &RangeRequest, found: &RangeResponse) -> Result<(), String> {
    let revision = if range.revision > 0 { range.revision } else { found.revision };
    let expected = known.model.range(&range.range, revision);
    if found.kvs == expected {
        return Ok(());
    }
    let list = |kvs: &[kv_statemachine::KeyValue]| {
        kvs.iter().map(|kv| format!("[{kv}]")).collect::<Vec<_>>().join(" ")
    };
    Err(format!(
        "a read at revision {revision} found {}, not {}",
        list(&found.kvs),
        list(&expected)
    ))
}

fn check_refused(
    known: &Known,
    range: &RangeRequest,
    error: KvError,
    floor: i64,
) -> Result<(), String> {
    let justified = match error {
        KvError::Compacted => range.revision > 0 && range.revision < known.model.compacted(),
        KvError::FutureRevision => range.revision > floor,
        _ => false,
    };
    if justified {
        return Ok(());
    }
    Err(format!("a read at revision {} was refused: {error}", range.revision))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kv_statemachine::{Command, KeyRange, KeyValue, Operation, PutRequest, codec};
    use raft_core::{Entry, NodeId};

    use super::super::testing::{History, entry};
    use super::*;
    use crate::workload::OpId;

    fn history() -> History<Linearizable> {
        let mut history = History::of(Linearizable);
        for (index, value) in [(1, "1"), (2, "2")] {
            let put = Operation::Put(PutRequest::of("k", value));
            let payload: Bytes = codec::encode(&Command::new(put));
            let entry = Entry { format: codec::FORMAT, payload, ..entry(1, index, "") };
            history.accepts(&Fact::Applying { node: NodeId(1), entries: &[entry] });
        }
        history
    }

    fn found(revision: i64, version: i64) -> Outcome {
        let kv = KeyValue {
            key: Bytes::from_static(b"k"),
            create_revision: 2,
            mod_revision: version + 1,
            version,
            value: Bytes::from(version.to_string()),
            lease: 0,
        };
        Outcome::Read(Ok(RangeResponse { revision, kvs: vec![kv], more: false, count: 1 }))
    }

    fn completed<'a>(op: u64, request: &'a Request, outcome: &'a Outcome) -> Fact<'a> {
        Fact::Completed { op: OpId(op), request, outcome }
    }

    #[test]
    fn a_read_of_the_past_is_rejected_once_somebody_saw_more() {
        let mut history = history();
        let read = Request::Read(RangeRequest::of(KeyRange::single("k")));
        for op in 1..=3 {
            history.accepts(&Fact::Invoked { op: OpId(op), tag: None });
        }
        history.accepts(&completed(1, &read, &found(3, 2)));
        // Asked before anybody saw revision 3, so it may be older.
        history.accepts(&completed(2, &read, &found(2, 1)));
        history.accepts(&Fact::Invoked { op: OpId(4), tag: None });
        history.rejects(&completed(4, &read, &found(2, 1)));
    }

    #[test]
    fn a_serializable_read_may_be_of_the_past_but_not_of_what_never_was() {
        let mut history = history();
        let read = Request::Read(RangeRequest::of(KeyRange::single("k")));
        history.accepts(&Fact::Invoked { op: OpId(1), tag: None });
        history.accepts(&completed(1, &read, &found(3, 2)));
        let local = Request::LocalRead(RangeRequest::of(KeyRange::single("k")));
        history.accepts(&Fact::Invoked { op: OpId(2), tag: None });
        history.accepts(&completed(2, &local, &found(2, 1)));
        history.rejects(&completed(2, &local, &found(2, 2)));
        history.rejects(&completed(2, &local, &found(4, 2)));
    }

    #[test]
    fn a_read_that_disagrees_with_the_model_is_rejected() {
        let mut history = history();
        let read = Request::Read(RangeRequest::of(KeyRange::single("k")));
        history.rejects(&completed(1, &read, &found(3, 1)));
        history.rejects(&completed(1, &read, &found(4, 2)));
        let refused = Outcome::Read(Err(KvError::Compacted));
        history.rejects(&completed(1, &read, &refused));
    }
}
