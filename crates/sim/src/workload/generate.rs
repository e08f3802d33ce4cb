//! Draws what the clients ask for.

use bytes::Bytes;
use kv_statemachine::{
    Alarm, AlarmAction, AlarmKind, AlarmRequest, AlarmSource, CompactRequest, Compare,
    CompareOperand, CompareResult, KeyRange, Operation, RangeRequest, RequestOp, TxnRequest,
};

use raft_core::NodeId;

use super::{Request, Tag};
use crate::rng::Rng;

/// Tags of one client follow each other at this distance, so that no two clients
/// give the same one and none depends on what the others do.
const CLIENTS: u64 = 1_000;

/// Draws the requests of one client over a few keys, so that they meet often.
#[derive(Debug)]
pub struct Generator {
    rng: Rng,
    mix: Mix,
    /// The tag of the latest write.
    tag: u64,
}

/// What the requests of a run are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// How many keys there are.
    pub keys: u64,
    /// One in so many values is long.
    pub long_values: u64,
}

impl Generator {
    /// The generator of a client, by its number: below 1,000.
    pub fn new(rng: Rng, mix: Mix, client: u64) -> Generator {
        Generator { rng, mix, tag: client }
    }

    /// The next request. `revision` is about the latest one that clients have seen.
    pub fn next(&mut self, revision: i64) -> Request {
        match self.rng.below(100) {
            0..40 => {
                let key = self.key();
                let length = self.length();
                Request::Write(Operation::Put(self.tag().put(key, length)))
            }
            40..50 => {
                let key = self.key();
                Request::Write(Operation::DeleteRange(self.tag().delete(&key)))
            }
            50..65 => Request::Write(Operation::Txn(self.txn(revision))),
            65..68 => {
                let revision = (revision - self.rng.between(0, 20) as i64).max(1);
                Request::Write(Operation::Compact(CompactRequest { revision }))
            }
            68..76 => Request::LocalRead(self.read(revision)),
            76 => Request::Write(Operation::Alarm(self.alarm())),
            _ => Request::Read(self.read(revision)),
        }
    }

    /// An operator raises an alarm now and then, or lifts it; more often the latter, so
    /// that there is work done.
    fn alarm(&mut self) -> AlarmRequest {
        let action = if self.rng.one_in(12) { AlarmAction::Raise } else { AlarmAction::Lift };
        let alarm = Alarm { kind: AlarmKind::NO_SPACE, member: NodeId(self.rng.below(2)) };
        AlarmRequest { action, alarm, source: AlarmSource::Operator }
    }

    fn txn(&mut self, revision: i64) -> TxnRequest {
        let (key, other) = (self.key(), self.key());
        let length = self.length();
        let tag = self.tag();
        let operand = match self.rng.below(3) {
            0 => CompareOperand::Version(self.rng.below(2) as i64),
            1 => CompareOperand::ModRevision(revision - self.rng.below(10) as i64),
            _ => {
                CompareOperand::Value(Bytes::from(self.tag.saturating_sub(3 * CLIENTS).to_string()))
            }
        };
        let results = [
            CompareResult::Equal,
            CompareResult::NotEqual,
            CompareResult::Less,
            CompareResult::Greater,
        ];
        let result = results[self.rng.below(4) as usize];
        let compare = Compare { range: KeyRange::single(other.clone()), result, operand };
        let mut success = vec![RequestOp::Put(tag.put(key.clone(), length))];
        if other != key {
            success.push(RequestOp::DeleteRange(tag.delete(&other)));
        }
        let failure = vec![
            RequestOp::Range(RangeRequest::of(KeyRange::single(key))),
            RequestOp::DeleteRange(tag.delete(&other)),
        ];
        TxnRequest { compare: vec![compare], success, failure }
    }

    fn read(&mut self, revision: i64) -> RangeRequest {
        let range = match self.rng.below(3) {
            0 => KeyRange::single(self.key()),
            1 => KeyRange::between(self.key(), "k~"),
            _ => KeyRange::from_key("\0"),
        };
        let older = self.rng.one_in(5);
        let revision = if older { (revision - self.rng.below(15) as i64).max(1) } else { 0 };
        RangeRequest { revision, ..RangeRequest::of(range) }
    }

    fn key(&mut self) -> Bytes {
        Bytes::from(format!("k{:02}", self.rng.below(self.mix.keys)))
    }

    /// How long a value is. Some are long enough for several sectors of a disk, so
    /// that a power loss can tear the entry.
    fn length(&mut self) -> usize {
        if self.rng.one_in(self.mix.long_values) {
            self.rng.between(200, 2_400) as usize
        } else {
            0
        }
    }

    fn tag(&mut self) -> Tag {
        self.tag += CLIENTS;
        Tag(self.tag)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::workload::tag_of;

    #[test]
    fn every_write_that_writes_keys_has_a_tag_of_its_own() {
        let mix = Mix { keys: 8, long_values: 3 };
        let mut generators = [0, 1].map(|client| Generator::new(Rng::new(1), mix, client));
        let mut tags = BTreeSet::new();
        for i in 0..1000 {
            match generators[i % 2].next(50) {
                Request::Write(Operation::Compact(_) | Operation::Alarm(_)) => {}
                Request::Read(_) | Request::LocalRead(_) => {}
                Request::Write(operation) => {
                    let tag = tag_of(&operation).expect("the write has a tag");
                    assert!(tags.insert(tag), "{tag} was given twice");
                }
            }
        }
        assert!(tags.len() > 500);
    }
}
