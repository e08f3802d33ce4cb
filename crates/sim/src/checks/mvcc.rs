//! What holds of versions and revisions in every answer (etcd's documentation of
//! its data model: "key-value pairs are immutable once written; each revision is
//! made by one transaction").
//!
//! These follow from one answer, or from two held against each other; no model of
//! the store is needed, so a fault that model and store share is found too.

use std::collections::BTreeMap;

use bytes::Bytes;
use kv_statemachine::{KeyValue, RangeRequest, RangeResponse};

use super::{Fact, Invariant, Known, Sort};
use crate::workload::{Effect, Outcome, Request, Tag, tag_of};

/// What was ever told of each version, and who made which revision.
#[derive(Debug, Default)]
pub struct Mvcc {
    versions: BTreeMap<(Bytes, i64), KeyValue>,
    made: BTreeMap<i64, Tag>,
}

impl Invariant for Mvcc {
    fn name(&self) -> &'static str {
        "versions and revisions are sound (etcd's data model)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Completed]
    }

    fn check(&mut self, _: &Known, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Completed {
                request: Request::Read(range),
                outcome: Outcome::Read(Ok(found)),
                ..
            } => self.found(range, found),
            Fact::Completed {
                request: Request::Write(operation),
                outcome: Outcome::Written(result),
                ..
            } => match (tag_of(operation), made(&Effect::of(result))) {
                (Some(tag), Some(revision)) => self.wrote(tag, revision),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

impl Mvcc {
    fn found(&mut self, range: &RangeRequest, found: &RangeResponse) -> Result<(), String> {
        let asked = if range.revision > 0 { range.revision } else { found.revision };
        if asked > found.revision {
            return Err(format!("a read at {asked} was served at {}", found.revision));
        }
        if found.kvs.windows(2).any(|two| two[0].key >= two[1].key) {
            return Err(format!("a read at {asked} found keys out of order, or one twice"));
        }
        for kv in &found.kvs {
            is_sound(kv, asked).map_err(|why| format!("[{kv}] found at {asked}: {why}"))?;
            let first = self
                .versions
                .entry((kv.key.clone(), kv.mod_revision))
                .or_insert_with(|| kv.clone());
            if first != kv {
                return Err(format!("a version changed: it was [{first}], now it is [{kv}]"));
            }
        }
        Ok(())
    }

    fn wrote(&mut self, tag: Tag, revision: i64) -> Result<(), String> {
        match *self.made.entry(revision).or_insert(tag) {
            first if first == tag => Ok(()),
            first => Err(format!("{first} and {tag} were both told that they made {revision}")),
        }
    }
}

/// The revision that a write made; `None` if it may have made none.
fn made(effect: &Effect) -> Option<i64> {
    match *effect {
        Effect::Put { revision } => Some(revision),
        Effect::Deleted { revision, deleted } if deleted > 0 => Some(revision),
        // The branch that was taken puts something.
        Effect::Txn { revision, succeeded: true } => Some(revision),
        _ => None,
    }
}

/// Whether a version can be one that is there at this revision.
fn is_sound(kv: &KeyValue, revision: i64) -> Result<(), &'static str> {
    let KeyValue { create_revision: created, mod_revision: modified, version, .. } = *kv;
    if created < 2 || modified > revision {
        return Err("it is older than the store, or younger than the read");
    }
    if version < 1 || version > modified - created + 1 {
        return Err("there are not as many versions between its revisions");
    }
    if (version == 1) != (created == modified) {
        return Err("the first version, and no other, is the one that created the key");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kv_statemachine::{KeyRange, Operation, PutRequest, PutResponse, Response};

    use super::super::testing::History;
    use super::*;
    use crate::workload::OpId;

    fn kv(key: &'static str, created: i64, modified: i64, version: i64) -> KeyValue {
        KeyValue {
            key: Bytes::from_static(key.as_bytes()),
            create_revision: created,
            mod_revision: modified,
            version,
            value: Bytes::from_static(b"7"),
            lease: 0,
        }
    }

    fn read(asked: i64, revision: i64, kvs: Vec<KeyValue>) -> (Request, Outcome) {
        let range = RangeRequest { revision: asked, ..RangeRequest::of(KeyRange::from_key("\0")) };
        let count = kvs.len() as i64;
        let found = RangeResponse { revision, kvs, more: false, count };
        (Request::Read(range), Outcome::Read(Ok(found)))
    }

    fn offer(history: &mut History<Mvcc>, (request, outcome): &(Request, Outcome), good: bool) {
        let fact = Fact::Completed { op: OpId(1), request, outcome };
        if good {
            history.accepts(&fact);
        } else {
            history.rejects(&fact);
        }
    }

    #[test]
    fn impossible_versions_are_rejected() {
        let possible = [kv("a", 2, 2, 1), kv("b", 2, 4, 2), kv("c", 3, 5, 3)];
        let impossible = [
            kv("a", 1, 1, 1),
            kv("a", 2, 9, 2),
            kv("a", 2, 4, 4),
            kv("a", 2, 4, 0),
            kv("a", 2, 4, 1),
            kv("a", 4, 4, 2),
            kv("a", 4, 2, 1),
        ];
        for (versions, good) in [(&possible[..], true), (&impossible[..], false)] {
            for version in versions {
                let mut history = History::of(Mvcc::default());
                offer(&mut history, &read(5, 8, vec![version.clone()]), good);
            }
        }
    }

    #[test]
    fn keys_out_of_order_and_a_read_of_the_future_are_rejected() {
        let mut history = History::of(Mvcc::default());
        offer(&mut history, &read(0, 8, vec![kv("a", 2, 2, 1), kv("b", 3, 3, 1)]), true);
        offer(&mut history, &read(0, 8, vec![kv("b", 3, 3, 1), kv("a", 2, 2, 1)]), false);
        offer(&mut history, &read(0, 8, vec![kv("a", 2, 2, 1), kv("a", 2, 2, 1)]), false);
        offer(&mut history, &read(9, 8, vec![]), false);
    }

    #[test]
    fn a_version_that_changes_is_rejected() {
        let mut history = History::of(Mvcc::default());
        offer(&mut history, &read(0, 8, vec![kv("a", 2, 4, 2)]), true);
        offer(&mut history, &read(4, 9, vec![kv("a", 2, 4, 2)]), true);
        offer(&mut history, &read(4, 9, vec![kv("a", 2, 4, 3)]), false);
    }

    #[test]
    fn a_revision_made_twice_is_rejected() {
        let mut history = History::of(Mvcc::default());
        let put = |tag: u64, revision| {
            let operation = Operation::Put(PutRequest::of("k", tag.to_string()));
            let response = Response::Put(PutResponse { revision, prev_kv: None });
            (Request::Write(operation), Outcome::Written(Ok(response)))
        };
        offer(&mut history, &put(1, 5), true);
        offer(&mut history, &put(2, 6), true);
        offer(&mut history, &put(3, 5), false);
    }
}
