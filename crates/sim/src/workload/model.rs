//! A naive store: what the real one has to agree with.
//!
//! It keeps every version of every key and never forgets one, so that the state
//! as of any revision is a look at a list. It knows what the simulated clients
//! ask for and nothing more.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kv_statemachine::{
    Alarm, AlarmAction, AlarmRequest, AlarmSource, Compare, CompareOperand, CompareResult,
    DeleteRangeRequest, KeyRange, KeyValue, KvError, Operation, PutRequest, RequestOp, Response,
    TxnRequest,
};
use raft_core::{Membership, NodeId};

/// The naive store.
#[derive(Clone, Debug)]
pub struct Model {
    revision: i64,
    compacted: i64,
    /// Each key's versions by rising revision; a deletion is `None`.
    versions: BTreeMap<Bytes, Vec<(i64, Option<KeyValue>)>>,
    /// The members that are short of space, by their own word or an operator's.
    alarms: BTreeMap<NodeId, AlarmSource>,
    /// Those who are members no more.
    removed: BTreeSet<NodeId>,
}

/// What a write did, as far as the model says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A put.
    Put {
        /// The revision that it made.
        revision: i64,
    },
    /// A deletion.
    Deleted {
        /// The revision after it.
        revision: i64,
        /// How many keys it deleted.
        deleted: i64,
    },
    /// A transaction.
    Txn {
        /// The revision after it.
        revision: i64,
        /// Whether its comparisons held.
        succeeded: bool,
    },
    /// A compaction.
    Compacted {
        /// The latest revision.
        revision: i64,
    },
    /// A change of what clients are told of a member.
    Attributes,
    /// An alarm was raised or lifted, or was so already.
    Alarm,
    /// Refused, by the rules.
    Refused(KvError),
}

impl Effect {
    /// What a real answer says, in these words.
    pub fn of(outcome: &Result<Response, KvError>) -> Effect {
        match outcome {
            Ok(Response::Put(put)) => Effect::Put { revision: put.revision },
            Ok(Response::DeleteRange(delete)) => {
                Effect::Deleted { revision: delete.revision, deleted: delete.deleted }
            }
            Ok(Response::Txn(txn)) => {
                Effect::Txn { revision: txn.revision, succeeded: txn.succeeded }
            }
            Ok(Response::Compact(compact)) => Effect::Compacted { revision: compact.revision },
            Ok(Response::MemberAttributes) => Effect::Attributes,
            Ok(Response::Alarm(_)) => Effect::Alarm,
            Err(error) => Effect::Refused(*error),
        }
    }
}

impl Default for Model {
    fn default() -> Model {
        Model {
            revision: 1,
            compacted: -1,
            versions: BTreeMap::new(),
            alarms: BTreeMap::new(),
            removed: BTreeSet::new(),
        }
    }
}

impl Model {
    /// The latest revision.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The lowest revision that can be read; -1 before the first compaction.
    pub fn compacted(&self) -> i64 {
        self.compacted
    }

    /// Another membership is in force: what others raised of their own accord is gone.
    pub fn change_members(&mut self, membership: &Membership) {
        self.removed.clone_from(&membership.removed);
        self.alarms.retain(|member, source| {
            *source == AlarmSource::Operator || membership.members.contains_key(member)
        });
    }

    /// Does a write.
    pub fn apply(&mut self, operation: &Operation) -> Effect {
        if !self.alarms.is_empty() && may_put(operation) {
            return Effect::Refused(KvError::NoSpace);
        }
        match operation {
            Operation::Put(put) => {
                self.revision += 1;
                self.put(put);
                Effect::Put { revision: self.revision }
            }
            Operation::DeleteRange(delete) => {
                let deleted = self.delete(delete, self.revision + 1);
                self.revision += i64::from(deleted > 0);
                Effect::Deleted { revision: self.revision, deleted }
            }
            Operation::Txn(txn) => self.txn(txn),
            Operation::Compact(compact) if compact.revision <= self.compacted => {
                Effect::Refused(KvError::Compacted)
            }
            Operation::Compact(compact) if compact.revision > self.revision => {
                Effect::Refused(KvError::FutureRevision)
            }
            Operation::Compact(compact) => {
                self.compacted = compact.revision;
                Effect::Compacted { revision: self.revision }
            }
            Operation::SetMemberAttributes { .. } => Effect::Attributes,
            Operation::Alarm(request) => self.alarm(request),
        }
    }

    /// The keys of a range as of a revision, in order.
    pub fn range(&self, range: &KeyRange, revision: i64) -> Vec<KeyValue> {
        let keys = self.versions.range::<Bytes, _>(range.key.clone()..);
        keys.take_while(|(key, _)| is_within(range, key))
            .filter_map(|(_, versions)| as_of(versions, revision).cloned())
            .collect()
    }

    fn alarm(&mut self, request: &AlarmRequest) -> Effect {
        let AlarmRequest { action, alarm: Alarm { member, .. }, source } = *request;
        let by_member = source == AlarmSource::Member;
        match action {
            AlarmAction::Raise if by_member && self.removed.contains(&member) => {
                return Effect::Refused(KvError::MemberNotFound);
            }
            AlarmAction::Raise if by_member => {
                self.alarms.entry(member).or_insert(source);
            }
            AlarmAction::Raise => {
                self.alarms.insert(member, source);
            }
            AlarmAction::Lift => {
                let stays = by_member && self.alarms.get(&member) == Some(&AlarmSource::Operator);
                if !stays {
                    self.alarms.remove(&member);
                }
            }
        }
        Effect::Alarm
    }

    fn latest(&self, key: &Bytes) -> Option<&KeyValue> {
        self.versions.get(key).and_then(|versions| as_of(versions, i64::MAX))
    }

    /// Writes a key in the revision that is being made.
    fn put(&mut self, put: &PutRequest) {
        let before = self.latest(&put.key);
        let written = KeyValue {
            key: put.key.clone(),
            create_revision: before.map_or(self.revision, |kv| kv.create_revision),
            mod_revision: self.revision,
            version: before.map_or(0, |kv| kv.version) + 1,
            value: put.value.clone(),
            lease: 0,
        };
        self.versions.entry(put.key.clone()).or_default().push((self.revision, Some(written)));
    }

    fn delete(&mut self, delete: &DeleteRangeRequest, revision: i64) -> i64 {
        let found = self.range(&delete.range, i64::MAX);
        for kv in &found {
            self.versions.entry(kv.key.clone()).or_default().push((revision, None));
        }
        found.len() as i64
    }

    fn txn(&mut self, txn: &TxnRequest) -> Effect {
        let succeeded = txn.compare.iter().all(|compare| self.holds(compare));
        let before = self.revision;
        let mut changed = false;
        self.revision += 1;
        for op in if succeeded { &txn.success } else { &txn.failure } {
            match op {
                RequestOp::Put(put) => {
                    self.put(put);
                    changed = true;
                }
                RequestOp::DeleteRange(delete) => changed |= self.delete(delete, self.revision) > 0,
                RequestOp::Range(_) | RequestOp::Txn(_) => {}
            }
        }
        if !changed {
            self.revision = before;
        }
        Effect::Txn { revision: self.revision, succeeded }
    }

    /// Whether a condition on a single key holds.
    fn holds(&self, compare: &Compare) -> bool {
        let found = self.latest(&compare.range.key);
        let number = |of: fn(&KeyValue) -> i64| found.map_or(0, of);
        let order = match &compare.operand {
            CompareOperand::Version(operand) => number(|kv| kv.version).cmp(operand),
            CompareOperand::CreateRevision(operand) => number(|kv| kv.create_revision).cmp(operand),
            CompareOperand::ModRevision(operand) => number(|kv| kv.mod_revision).cmp(operand),
            CompareOperand::Lease(operand) => number(|kv| kv.lease).cmp(operand),
            CompareOperand::Value(operand) => match found {
                Some(kv) => kv.value.cmp(operand),
                None => return false,
            },
        };
        match compare.result {
            CompareResult::Equal => order.is_eq(),
            CompareResult::Greater => order.is_gt(),
            CompareResult::Less => order.is_lt(),
            CompareResult::NotEqual => order.is_ne(),
        }
    }
}

/// Whether there is a put in it, be it in the branch that is not taken.
fn may_put(operation: &Operation) -> bool {
    let is_put = |op: &RequestOp| matches!(op, RequestOp::Put(_));
    match operation {
        Operation::Put(_) => true,
        Operation::Txn(txn) => txn.success.iter().chain(&txn.failure).any(is_put),
        _ => false,
    }
}

fn is_within(range: &KeyRange, key: &Bytes) -> bool {
    if range.range_end.is_empty() {
        return *key == range.key;
    }
    range.range_end.as_ref() == b"\0" || *key < range.range_end
}

fn as_of(versions: &[(i64, Option<KeyValue>)], revision: i64) -> Option<&KeyValue> {
    let upto = versions.partition_point(|(written, _)| *written <= revision);
    versions[..upto].last().and_then(|(_, kv)| kv.as_ref())
}

#[cfg(test)]
mod tests {
    use kv_statemachine::{AlarmKind, CompactRequest};

    use super::*;

    fn put(key: &'static str, value: &'static str) -> Operation {
        Operation::Put(PutRequest::of(key, value))
    }

    #[test]
    fn versions_are_kept() {
        let mut model = Model::default();
        assert_eq!(model.apply(&put("a", "1")), Effect::Put { revision: 2 });
        assert_eq!(model.apply(&put("a", "2")), Effect::Put { revision: 3 });
        let all = KeyRange::from_key("\0");
        let delete = DeleteRangeRequest { range: all.clone(), prev_kv: false };
        let delete = Operation::DeleteRange(delete);
        assert_eq!(model.apply(&delete), Effect::Deleted { revision: 4, deleted: 1 });
        assert_eq!(model.apply(&delete), Effect::Deleted { revision: 4, deleted: 0 });
        assert_eq!(model.range(&all, 2)[0].value, "1");
        assert_eq!(model.range(&all, 3)[0].version, 2);
        assert_eq!(model.range(&all, 4), []);
        model.apply(&put("a", "3"));
        assert_eq!(model.range(&all, 5)[0].create_revision, 5);
    }

    #[test]
    fn a_transaction_takes_one_branch_in_one_revision() {
        let mut model = Model::default();
        let compare = Compare {
            range: KeyRange::single("a"),
            result: CompareResult::Equal,
            operand: CompareOperand::Version(0),
        };
        let txn = Operation::Txn(TxnRequest {
            compare: vec![compare],
            success: vec![
                RequestOp::Put(PutRequest::of("a", "1")),
                RequestOp::Put(PutRequest::of("b", "1")),
            ],
            failure: vec![],
        });
        assert_eq!(model.apply(&txn), Effect::Txn { revision: 2, succeeded: true });
        assert_eq!(model.apply(&txn), Effect::Txn { revision: 2, succeeded: false });
        assert_eq!(model.range(&KeyRange::from_key("\0"), 2).len(), 2);
    }

    #[test]
    fn an_alarm_refuses_puts_until_who_raised_it_lifts_it() {
        let mut model = Model::default();
        let alarm = |action, source| {
            let alarm = Alarm { kind: AlarmKind::NO_SPACE, member: NodeId(2) };
            Operation::Alarm(AlarmRequest { action, alarm, source })
        };
        let (member, operator) = (AlarmSource::Member, AlarmSource::Operator);
        let refused = Effect::Refused(KvError::NoSpace);
        assert_eq!(model.apply(&alarm(AlarmAction::Raise, member)), Effect::Alarm);
        assert_eq!(model.apply(&put("a", "1")), refused);
        model.apply(&alarm(AlarmAction::Raise, operator));
        model.apply(&alarm(AlarmAction::Lift, member));
        assert_eq!(model.apply(&put("a", "1")), refused, "an operator raised it too");
        model.apply(&alarm(AlarmAction::Lift, operator));
        assert_eq!(model.apply(&put("a", "1")), Effect::Put { revision: 2 });

        model.apply(&alarm(AlarmAction::Raise, member));
        let without = Membership {
            removed: BTreeSet::from([NodeId(2)]),
            ..Membership::of_voters([NodeId(1)])
        };
        model.change_members(&without);
        assert_eq!(model.apply(&put("a", "2")), Effect::Put { revision: 3 });
        let late = model.apply(&alarm(AlarmAction::Raise, member));
        assert_eq!(late, Effect::Refused(KvError::MemberNotFound));
    }

    #[test]
    fn compactions_go_forward_only() {
        let mut model = Model::default();
        model.apply(&put("a", "1"));
        let compact = |revision| Operation::Compact(CompactRequest { revision });
        assert_eq!(model.apply(&compact(3)), Effect::Refused(KvError::FutureRevision));
        assert_eq!(model.apply(&compact(2)), Effect::Compacted { revision: 2 });
        assert_eq!(model.apply(&compact(2)), Effect::Refused(KvError::Compacted));
    }
}
