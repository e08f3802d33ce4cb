//! The store as one would write it with no thought for cost: a copy of all keys
//! for each revision, and a list of everything that ever happened.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kv_statemachine::{
    Alarm, AlarmAction, AlarmKind, AlarmRequest, AlarmSource, CompactResponse, Compare,
    CompareOperand, CompareResult, DeleteRangeRequest, DeleteRangeResponse, HashKv, KeyRange,
    KeyValue, KvError, Operation, PutRequest, PutResponse, RangeRequest, RangeResponse, RequestOp,
    Response, ResponseOp, SortOrder, SortTarget, TxnRequest, TxnResponse,
};

type Keys = BTreeMap<Bytes, KeyValue>;

pub struct Model {
    /// The keys as of each revision from 0 on.
    states: Vec<Keys>,
    /// Each change: revision, sub-revision, key, and what was written if it was.
    changes: Vec<(i64, u64, Bytes, Option<KeyValue>)>,
    compact_revision: i64,
    /// Each alarm, and whether an operator has raised it.
    alarms: BTreeMap<Alarm, bool>,
    /// The transaction at work: the keys as it sees them, if it changed any.
    working: Option<Keys>,
    subs: u64,
}

impl Model {
    pub fn new() -> Model {
        Model {
            states: vec![Keys::new(), Keys::new()],
            changes: Vec::new(),
            compact_revision: -1,
            alarms: BTreeMap::new(),
            working: None,
            subs: 0,
        }
    }

    pub fn revision(&self) -> i64 {
        self.states.len() as i64 - 1
    }

    pub fn compact_revision(&self) -> i64 {
        self.compact_revision
    }

    pub fn apply(&mut self, operation: &Operation) -> Result<Response, KvError> {
        if let Some(refusal) = self.refusal(operation) {
            return Err(refusal);
        }
        let outcome = match operation {
            Operation::Put(put) => check_put(put)
                .and_then(|()| self.can_put(put))
                .map(|()| Response::Put(self.put(put))),
            Operation::DeleteRange(delete) => Ok(Response::DeleteRange(self.delete(delete))),
            Operation::Txn(txn) => self.txn(txn).map(Response::Txn),
            Operation::Compact(request) => {
                if request.revision <= self.compact_revision {
                    Err(KvError::Compacted)
                } else if request.revision > self.revision() {
                    Err(KvError::FutureRevision)
                } else {
                    self.compact_revision = request.revision;
                    Ok(Response::Compact(CompactResponse { revision: self.revision() }))
                }
            }
            Operation::SetMemberAttributes { .. } => Ok(Response::MemberAttributes),
            Operation::Alarm(request) => Ok(Response::Alarm(self.alarm(request))),
        };
        if let Some(keys) = self.working.take() {
            self.states.push(keys);
            self.subs = 0;
        }
        outcome
    }

    fn refusal(&self, operation: &Operation) -> Option<KvError> {
        let raised = |kind| self.alarms.keys().any(|alarm| alarm.kind == kind);
        let puts = match operation {
            Operation::SetMemberAttributes { .. } | Operation::Alarm(_) => return None,
            Operation::Put(_) => true,
            Operation::Txn(txn) => format!("{txn:?}").contains("Put("),
            _ => false,
        };
        match (raised(AlarmKind::CORRUPT), raised(AlarmKind::NO_SPACE) && puts) {
            (true, _) => Some(KvError::Corrupt),
            (false, true) => Some(KvError::NoSpace),
            (false, false) => None,
        }
    }

    fn alarm(&mut self, request: &AlarmRequest) -> Option<Alarm> {
        let AlarmRequest { action, alarm, source } = *request;
        let by_operator = source == AlarmSource::Operator;
        match (action, self.alarms.get(&alarm).copied()) {
            (AlarmAction::Raise, before) => {
                self.alarms.insert(alarm, by_operator || before == Some(true));
                Some(alarm)
            }
            (AlarmAction::Lift, Some(of_operator)) if by_operator || !of_operator => {
                self.alarms.remove(&alarm);
                Some(alarm)
            }
            (AlarmAction::Lift, _) => None,
        }
    }

    pub fn range(&self, request: &RangeRequest) -> Result<RangeResponse, KvError> {
        let latest = self.seen_revision();
        if request.revision > latest {
            return Err(KvError::FutureRevision);
        }
        let revision = if request.revision <= 0 { latest } else { request.revision };
        if revision < self.compact_revision {
            return Err(KvError::Compacted);
        }
        let keys = if revision == latest { self.seen() } else { &self.states[revision as usize] };
        let mut kvs: Vec<KeyValue> =
            keys.values().filter(|kv| covers(&request.range, &kv.key)).cloned().collect();
        let count = kvs.len() as i64;
        if request.count_only {
            return Ok(RangeResponse { revision: latest, kvs: Vec::new(), more: false, count });
        }
        let limit = if request.limit > 0 { request.limit as usize } else { usize::MAX };
        let filters = [
            (request.min_mod_revision, request.max_mod_revision),
            (request.min_create_revision, request.max_create_revision),
        ];
        // What etcd does before sorting if there is no order.
        if request.sort_order == SortOrder::None && filters == [(0, 0); 2] {
            kvs.truncate(limit.saturating_add(1));
        }
        let inside = |value, (min, max)| (min == 0 || min <= value) && (max == 0 || value <= max);
        kvs.retain(|kv| {
            inside(kv.mod_revision, filters[0]) && inside(kv.create_revision, filters[1])
        });
        match request.sort_target {
            SortTarget::Key => {}
            SortTarget::Version => kvs.sort_by_key(|kv| kv.version),
            SortTarget::Create => kvs.sort_by_key(|kv| kv.create_revision),
            SortTarget::Mod => kvs.sort_by_key(|kv| kv.mod_revision),
            SortTarget::Value => kvs.sort_by_key(|kv| kv.value.clone()),
        }
        if request.sort_order == SortOrder::Descend {
            // Stable: what is equal stays in the order of the keys.
            match request.sort_target {
                SortTarget::Key => kvs.reverse(),
                SortTarget::Version => kvs.sort_by_key(|kv| -kv.version),
                SortTarget::Create => kvs.sort_by_key(|kv| -kv.create_revision),
                SortTarget::Mod => kvs.sort_by_key(|kv| -kv.mod_revision),
                SortTarget::Value => kvs.sort_by(|a, b| b.value.cmp(&a.value)),
            }
        }
        let more = kvs.len() > limit;
        kvs.truncate(limit);
        if request.keys_only {
            kvs.iter_mut().for_each(|kv| kv.value = Bytes::new());
        }
        Ok(RangeResponse { revision: latest, kvs, more, count })
    }

    /// etcd's hash, over the rows that a finished compaction leaves.
    pub fn hash_kv(&self, revision: i64) -> Result<HashKv, KvError> {
        if revision > 0 && revision < self.compact_revision {
            return Err(KvError::Compacted);
        }
        if revision > self.revision() {
            return Err(KvError::FutureRevision);
        }
        let upto = if revision == 0 { self.revision() } else { revision };
        let is_in = |keys: &Keys, row: &(i64, u64, Bytes, Option<KeyValue>)| {
            row.3.is_some() && keys.get(&row.2) == row.3.as_ref()
        };
        let compacted = usize::try_from(self.compact_revision).ok();
        let keep = &self.states[upto as usize];
        let mut bytes = b"key".to_vec();
        for row in &self.changes {
            let (main, sub, key, written) = row;
            let below = *main <= self.compact_revision;
            let is_left = !below
                || compacted.is_some_and(|at| is_in(&self.states[at], row))
                || (*main == self.compact_revision && written.is_none());
            let is_kept = !below || keep.is_empty() || is_in(keep, row);
            let tombstone_at = *main == self.compact_revision && written.is_none();
            if *main > upto || !is_left || !is_kept || tombstone_at {
                continue;
            }
            bytes.extend(main.to_be_bytes());
            bytes.push(b'_');
            bytes.extend(sub.to_be_bytes());
            if written.is_none() {
                bytes.push(b't');
            }
            let bare = KeyValue { key: key.clone(), ..KeyValue::default() };
            bytes.extend(protobuf(written.as_ref().unwrap_or(&bare)));
        }
        Ok(HashKv {
            revision: self.revision(),
            hash: crc32c::crc32c(&bytes),
            compact_revision: self.compact_revision,
            hash_revision: upto,
        })
    }

    fn seen(&self) -> &Keys {
        self.working.as_ref().unwrap_or_else(|| self.states.last().expect("there is a state"))
    }

    fn seen_revision(&self) -> i64 {
        self.revision() + i64::from(self.working.is_some())
    }

    fn change(&mut self, key: &Bytes, written: Option<KeyValue>) {
        let mut keys = self.seen().clone();
        match &written {
            Some(kv) => keys.insert(key.clone(), kv.clone()),
            None => keys.remove(key),
        };
        self.changes.push((self.states.len() as i64, self.subs, key.clone(), written));
        self.subs += 1;
        self.working = Some(keys);
    }

    fn can_put(&self, put: &PutRequest) -> Result<(), KvError> {
        if put.lease != 0 {
            return Err(KvError::LeaseNotFound);
        }
        let before = self.states.last().expect("there is a state");
        if (put.ignore_value || put.ignore_lease) && !before.contains_key(&put.key) {
            return Err(KvError::KeyNotFound);
        }
        Ok(())
    }

    fn put(&mut self, put: &PutRequest) -> PutResponse {
        let revision = self.states.len() as i64;
        let old = self.seen().get(&put.key).cloned();
        let written = KeyValue {
            key: put.key.clone(),
            create_revision: old.as_ref().map_or(revision, |old| old.create_revision),
            mod_revision: revision,
            version: old.as_ref().map_or(1, |old| old.version + 1),
            value: match &old {
                Some(old) if put.ignore_value => old.value.clone(),
                _ => put.value.clone(),
            },
            lease: 0,
        };
        self.change(&put.key, Some(written));
        PutResponse { revision, prev_kv: old.filter(|_| put.prev_kv) }
    }

    fn delete(&mut self, delete: &DeleteRangeRequest) -> DeleteRangeResponse {
        let gone: Vec<KeyValue> =
            self.seen().values().filter(|kv| covers(&delete.range, &kv.key)).cloned().collect();
        gone.iter().for_each(|kv| self.change(&kv.key, None));
        DeleteRangeResponse {
            revision: self.seen_revision(),
            deleted: gone.len() as i64,
            prev_kvs: if delete.prev_kv { gone } else { Vec::new() },
        }
    }

    fn txn(&mut self, txn: &TxnRequest) -> Result<TxnResponse, KvError> {
        check_ops(&txn.success)?;
        check_ops(&txn.failure)?;
        written_twice(&txn.success)?;
        written_twice(&txn.failure)?;
        let taken = self.resolve(txn);
        self.check(&taken)?;
        let mut response = self.run(&taken);
        response.revision = self.seen_revision();
        Ok(response)
    }

    /// The transaction with each branch not taken emptied, and `success` the
    /// one taken; an impossible comparison stands for "the failure branch".
    fn resolve(&self, txn: &TxnRequest) -> Taken {
        let succeeded = txn.compare.iter().all(|compare| self.holds(compare));
        let ops = if succeeded { &txn.success } else { &txn.failure };
        let steps = ops
            .iter()
            .map(|op| match op {
                RequestOp::Txn(txn) => Step::Txn(self.resolve(txn)),
                other => Step::Op(other.clone()),
            })
            .collect();
        Taken { succeeded, steps }
    }

    fn holds(&self, compare: &Compare) -> bool {
        let keys: Vec<_> =
            self.seen().values().filter(|kv| covers(&compare.range, &kv.key)).collect();
        let missing = KeyValue::default();
        let test = |kv: &KeyValue| {
            let order = match &compare.operand {
                CompareOperand::Version(than) => kv.version.cmp(than),
                CompareOperand::CreateRevision(than) => kv.create_revision.cmp(than),
                CompareOperand::ModRevision(than) => kv.mod_revision.cmp(than),
                CompareOperand::Value(than) => kv.value.cmp(than),
                CompareOperand::Lease(than) => kv.lease.cmp(than),
            };
            match compare.result {
                CompareResult::Equal => order.is_eq(),
                CompareResult::Greater => order.is_gt(),
                CompareResult::Less => order.is_lt(),
                CompareResult::NotEqual => order.is_ne(),
            }
        };
        match (keys.is_empty(), &compare.operand) {
            (true, CompareOperand::Value(_)) => false,
            (true, _) => test(&missing),
            (false, _) => keys.into_iter().all(test),
        }
    }

    fn check(&self, taken: &Taken) -> Result<(), KvError> {
        for step in &taken.steps {
            match step {
                Step::Op(RequestOp::Range(range)) if range.revision > self.revision() => {
                    return Err(KvError::FutureRevision);
                }
                Step::Op(RequestOp::Range(range))
                    if range.revision != 0 && range.revision < self.compact_revision =>
                {
                    return Err(KvError::Compacted);
                }
                Step::Op(RequestOp::Put(put)) => self.can_put(put)?,
                Step::Op(_) => {}
                Step::Txn(taken) => self.check(taken)?,
            }
        }
        Ok(())
    }

    fn run(&mut self, taken: &Taken) -> TxnResponse {
        let responses = taken
            .steps
            .iter()
            .map(|step| match step {
                Step::Op(RequestOp::Range(range)) => {
                    ResponseOp::Range(self.range(range).expect("it was checked"))
                }
                Step::Op(RequestOp::Put(put)) => ResponseOp::Put(self.put(put)),
                Step::Op(RequestOp::DeleteRange(delete)) => {
                    ResponseOp::DeleteRange(self.delete(delete))
                }
                Step::Op(RequestOp::Txn(_)) => unreachable!("transactions are resolved"),
                Step::Txn(taken) => ResponseOp::Txn(self.run(taken)),
            })
            .collect();
        TxnResponse { revision: 0, succeeded: taken.succeeded, responses }
    }
}

struct Taken {
    succeeded: bool,
    steps: Vec<Step>,
}

enum Step {
    Op(RequestOp),
    Txn(Taken),
}

fn covers(range: &KeyRange, key: &Bytes) -> bool {
    match range.range_end.as_ref() {
        b"" => *key == range.key,
        b"\0" => *key >= range.key,
        _ => *key >= range.key && *key < range.range_end,
    }
}

fn check_put(put: &PutRequest) -> Result<(), KvError> {
    if put.key.is_empty() {
        Err(KvError::EmptyKey)
    } else if put.ignore_value && !put.value.is_empty() {
        Err(KvError::ValueProvided)
    } else if put.ignore_lease && put.lease != 0 {
        Err(KvError::LeaseProvided)
    } else {
        Ok(())
    }
}

fn check_ops(ops: &[RequestOp]) -> Result<(), KvError> {
    for op in ops {
        match op {
            RequestOp::Put(put) => check_put(put)?,
            RequestOp::Txn(txn) => {
                check_ops(&txn.success)?;
                check_ops(&txn.failure)?;
            }
            _ => {}
        }
    }
    Ok(())
}

type Written = (BTreeSet<Bytes>, Vec<KeyRange>);

fn written_twice(ops: &[RequestOp]) -> Result<Written, KvError> {
    // An end of "\0" is taken literally here: it deletes nothing.
    let deleted = |deletes: &[KeyRange], key: &Bytes| {
        deletes.iter().any(|range| {
            let literal = KeyRange { range_end: range.range_end.clone(), ..range.clone() };
            literal.range_end.as_ref() != b"\0" && covers(&literal, key)
        })
    };
    let mut puts = BTreeSet::new();
    let mut deletes = Vec::new();
    for op in ops {
        if let RequestOp::DeleteRange(delete) = op {
            deletes.push(delete.range.clone());
        }
    }
    for op in ops {
        let RequestOp::Txn(txn) = op else { continue };
        let (success, failure) = (written_twice(&txn.success)?, written_twice(&txn.failure)?);
        let both: BTreeSet<Bytes> = success.0.union(&failure.0).cloned().collect();
        if both.iter().any(|key| puts.contains(key) || deleted(&deletes, key)) {
            return Err(KvError::DuplicateKey);
        }
        puts.extend(both);
        deletes.extend(success.1);
        deletes.extend(failure.1);
    }
    for op in ops {
        let RequestOp::Put(put) = op else { continue };
        if deleted(&deletes, &put.key) || !puts.insert(put.key.clone()) {
            return Err(KvError::DuplicateKey);
        }
    }
    Ok((puts, deletes))
}

/// A message of small numbers and short texts: one byte each for tag, number
/// and length, or two.
fn protobuf(kv: &KeyValue) -> Vec<u8> {
    let mut out = Vec::new();
    let number = |out: &mut Vec<u8>, number: i64| {
        assert!((0..1 << 14).contains(&number), "the model knows small numbers only");
        if number >= 128 {
            out.push(number as u8 & 127 | 128);
            out.push((number >> 7) as u8);
        } else {
            out.push(number as u8);
        }
    };
    let fields = [
        (0x0a, Err(&kv.key)),
        (0x10, Ok(kv.create_revision)),
        (0x18, Ok(kv.mod_revision)),
        (0x20, Ok(kv.version)),
        (0x2a, Err(&kv.value)),
        (0x30, Ok(kv.lease)),
    ];
    for (tag, field) in fields {
        match field {
            Ok(0) => {}
            Ok(value) => {
                out.push(tag);
                number(&mut out, value);
            }
            Err(bytes) if bytes.is_empty() => {}
            Err(bytes) => {
                out.push(tag);
                number(&mut out, bytes.len() as i64);
                out.extend_from_slice(bytes);
            }
        }
    }
    out
}
