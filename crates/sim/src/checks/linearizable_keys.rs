//! What clients were told of each key is linearizable by itself (Herlihy and Wing, 1990),
//! whatever revisions the answers carry.
//!
//! [`linearizable`](super::linearizable) takes the order of the operations from their
//! revisions; here an order is searched for, by [`linearizability`](crate::linearizability).
//! A store that told clients wrong values with matching revisions would be found here.

use std::collections::BTreeMap;

use bytes::Bytes;
use kv_statemachine::{KeyValue, Operation as Write, RequestOp, Response};

use super::{Fact, Invariant, Known, Sort};
use crate::linearizability::{Action, Operation, check};
use crate::workload::{OpId, Outcome, Request, tag_of_value};

/// The history so far. The time is the number of facts about clients.
#[derive(Debug, Default)]
pub struct LinearizableKeys {
    time: u64,
    began: BTreeMap<OpId, u64>,
    history: Vec<Operation<Bytes, u64>>,
}

impl Invariant for LinearizableKeys {
    fn name(&self) -> &'static str {
        "each key is linearizable (Herlihy and Wing, 1990)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Invoked, Sort::Completed, Sort::Ended]
    }

    fn check(&mut self, _: &Known, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Invoked { op, .. } => {
                self.time += 1;
                self.began.insert(*op, self.time);
                Ok(())
            }
            Fact::Completed { op, request, outcome } => {
                self.time += 1;
                if let Some(began) = self.began.remove(op) {
                    self.completed(began, request, outcome);
                }
                Ok(())
            }
            Fact::Ended => {
                check(std::mem::take(&mut self.history)).map_err(|wrong| wrong.to_string())
            }
            _ => Ok(()),
        }
    }
}

impl LinearizableKeys {
    fn completed(&mut self, began: u64, request: &Request, outcome: &Outcome) {
        let ended = match outcome {
            Outcome::Written(_) | Outcome::Read(Ok(_)) => Some(self.time),
            Outcome::Unknown => None,
            Outcome::NotWritten | Outcome::NotRead | Outcome::Read(Err(_)) => return,
        };
        let actions = match (request, outcome) {
            (Request::Read(range), Outcome::Read(Ok(found))) if range.revision == 0 => {
                if !range.range.range_end.is_empty() {
                    return;
                }
                vec![(range.range.key.clone(), Action::Read(found.kvs.first().and_then(tag)))]
            }
            (Request::Write(operation), outcome) => written(operation, outcome),
            _ => return,
        };
        let operation = |(key, action)| Operation { key, began, ended, action };
        self.history.extend(actions.into_iter().map(operation));
    }
}

/// What a write did to which keys, or may have done if nobody was told.
fn written(operation: &Write, outcome: &Outcome) -> Vec<(Bytes, Action<u64>)> {
    let of = |op: &RequestOp| match op {
        RequestOp::Put(put) => Some((put.key.clone(), Action::Write(number(&put.value)))),
        RequestOp::DeleteRange(delete) => Some((delete.range.key.clone(), Action::Write(None))),
        RequestOp::Range(_) | RequestOp::Txn(_) => None,
    };
    match (operation, outcome) {
        (_, Outcome::Written(Err(_))) => Vec::new(),
        (Write::Put(put), _) => of(&RequestOp::Put(put.clone())).into_iter().collect(),
        (Write::DeleteRange(delete), _) => {
            of(&RequestOp::DeleteRange(delete.clone())).into_iter().collect()
        }
        (Write::Txn(txn), Outcome::Written(Ok(Response::Txn(done)))) => {
            let branch = if done.succeeded { &txn.success } else { &txn.failure };
            branch.iter().filter_map(of).collect()
        }
        (Write::Txn(txn), _) => txn.success.iter().chain(&txn.failure).filter_map(of).collect(),
        _ => Vec::new(),
    }
}

fn tag(kv: &KeyValue) -> Option<u64> {
    number(&kv.value)
}

/// What stands for a value: the number of the write that wrote it.
fn number(value: &Bytes) -> Option<u64> {
    tag_of_value(value).map(|tag| tag.0)
}

#[cfg(test)]
mod tests {
    use kv_statemachine::{KeyRange, PutRequest, PutResponse, RangeRequest, RangeResponse};

    use super::super::testing::History;
    use super::*;

    fn tell(
        history: &mut History<LinearizableKeys>,
        op: u64,
        request: &Request,
        outcome: &Outcome,
    ) {
        history.accepts(&Fact::Invoked { op: OpId(op), tag: None });
        history.accepts(&Fact::Completed { op: OpId(op), request, outcome });
    }

    fn put(history: &mut History<LinearizableKeys>, op: u64, value: &'static str) {
        let request = Request::Write(Write::Put(PutRequest::of("k", value)));
        let response = Response::Put(PutResponse { revision: 2, prev_kv: None });
        tell(history, op, &request, &Outcome::Written(Ok(response)));
    }

    fn read(history: &mut History<LinearizableKeys>, op: u64, value: &'static str) {
        let kv = KeyValue {
            key: "k".into(),
            create_revision: 2,
            mod_revision: 2,
            version: 1,
            value: value.into(),
            lease: 0,
        };
        let request = Request::Read(RangeRequest::of(KeyRange::single("k")));
        let found = RangeResponse { revision: 2, kvs: vec![kv], more: false, count: 1 };
        tell(history, op, &request, &Outcome::Read(Ok(found)));
    }

    #[test]
    fn an_older_value_is_rejected_at_the_end() {
        let mut history = History::of(LinearizableKeys::default());
        put(&mut history, 1, "1");
        read(&mut history, 2, "1");
        put(&mut history, 3, "2..");
        read(&mut history, 4, "2..");
        history.accepts(&Fact::Ended);
        put(&mut history, 5, "3");
        put(&mut history, 6, "4");
        read(&mut history, 7, "3");
        history.rejects(&Fact::Ended);
    }
}
