//! Alarms: what all members heed until somebody has seen to it.
//!
//! | alarm | refuses |
//! |---|---|
//! | `NOSPACE` | puts, and transactions that may put |
//! | `CORRUPT` | every write and every compaction |
//!
//! They are part of the state, so that every replica refuses the same commands,
//! and outlive restarts. A member that is short of space raises its own and lifts
//! it again when there is room; what an operator has raised, an operator lifts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use raft_core::NodeId;

use crate::command::Operation;
use crate::error::KvError;
use crate::request::{PutRequest, RequestOp, TxnRequest};

/// What a key takes beside its own bytes and the value's.
const PUT_OVERHEAD: u64 = 256;

/// What is wrong. The numbers are etcd's; others mean nothing, and are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlarmKind(pub u32);

impl AlarmKind {
    /// A member has no space left for more data.
    pub const NO_SPACE: AlarmKind = AlarmKind(1);
    /// A member's data are damaged.
    pub const CORRUPT: AlarmKind = AlarmKind(2);
}

impl fmt::Display for AlarmKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            AlarmKind::NO_SPACE => f.write_str("NOSPACE"),
            AlarmKind::CORRUPT => f.write_str("CORRUPT"),
            AlarmKind(number) => number.fmt(f),
        }
    }
}

/// One alarm; each member has one of each kind at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alarm {
    /// What is wrong.
    pub kind: AlarmKind,
    /// With which member; etcd's clients may name any number.
    pub member: NodeId,
}

/// Who raises or lifts an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlarmSource {
    /// The member itself, which looks at its disk.
    Member,
    /// A person or a program that was told to.
    Operator,
}

/// What is to become of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlarmAction {
    /// It is there from now on. One that a member raised stays until an operator lifts
    /// it, once an operator has raised it too.
    Raise,
    /// It is gone. A member lifts only what no operator has raised.
    Lift,
}

/// Raises or lifts an alarm. Raises no revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmRequest {
    /// What to do.
    pub action: AlarmAction,
    /// With which alarm.
    pub alarm: Alarm,
    /// Who wants it.
    pub source: AlarmSource,
}

/// All alarms of one state. Clones share it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alarms {
    raised: Arc<BTreeMap<Alarm, AlarmSource>>,
}

impl Alarms {
    /// All that are raised, with who raised them.
    pub fn iter(&self) -> impl Iterator<Item = (Alarm, AlarmSource)> {
        self.raised.iter().map(|(alarm, source)| (*alarm, *source))
    }

    /// Who raised it; `None` if nobody did.
    pub fn source(&self, alarm: Alarm) -> Option<AlarmSource> {
        self.raised.get(&alarm).copied()
    }

    /// Whether any member has an alarm of a kind.
    pub fn is_raised(&self, kind: AlarmKind) -> bool {
        self.raised.keys().any(|alarm| alarm.kind == kind)
    }

    /// Whether an operation may be done, or what whoever asked for it is told.
    ///
    /// # Errors
    ///
    /// [`KvError::NoSpace`], [`KvError::Corrupt`].
    pub fn permit(&self, operation: &Operation) -> Result<(), KvError> {
        if self.raised.is_empty() {
            return Ok(());
        }
        match operation {
            Operation::SetMemberAttributes { .. } | Operation::Alarm(_) => Ok(()),
            _ if self.is_raised(AlarmKind::CORRUPT) => Err(KvError::Corrupt),
            _ if self.is_raised(AlarmKind::NO_SPACE) && cost_bytes(operation) > 0 => {
                Err(KvError::NoSpace)
            }
            _ => Ok(()),
        }
    }

    /// Does what is asked for. Returns the alarm if it is there now or was before, and
    /// whether anything changed.
    pub(crate) fn change(&mut self, request: AlarmRequest) -> (Option<Alarm>, bool) {
        let AlarmRequest { action, alarm, source } = request;
        let found = self.source(alarm);
        let is_operator = source == AlarmSource::Operator;
        match (action, found) {
            (AlarmAction::Raise, None) => {}
            (AlarmAction::Raise, Some(found)) if is_operator && found != source => {}
            (AlarmAction::Raise, Some(_)) => return (Some(alarm), false),
            (AlarmAction::Lift, None) => return (None, false),
            (AlarmAction::Lift, Some(found)) if is_operator || found == source => {}
            (AlarmAction::Lift, Some(_)) => return (None, false),
        }
        let raised = Arc::make_mut(&mut self.raised);
        match action {
            AlarmAction::Raise => raised.insert(alarm, source),
            AlarmAction::Lift => raised.remove(&alarm),
        };
        (Some(alarm), true)
    }
}

impl FromIterator<(Alarm, AlarmSource)> for Alarms {
    fn from_iter<T: IntoIterator<Item = (Alarm, AlarmSource)>>(raised: T) -> Alarms {
        Alarms { raised: Arc::new(raised.into_iter().collect()) }
    }
}

/// How much larger an operation may make the state, in bytes, by etcd's estimate; 0 of
/// what puts nothing. Of a transaction, the dearer branch counts.
pub fn cost_bytes(operation: &Operation) -> u64 {
    match operation {
        Operation::Put(put) => put_cost(put),
        Operation::Txn(txn) => txn_cost(txn),
        Operation::DeleteRange(_)
        | Operation::Compact(_)
        | Operation::SetMemberAttributes { .. }
        | Operation::Alarm(_) => 0,
    }
}

fn put_cost(put: &PutRequest) -> u64 {
    PUT_OVERHEAD + put.key.len() as u64 + put.value.len() as u64
}

fn txn_cost(txn: &TxnRequest) -> u64 {
    let branch = |steps: &[RequestOp]| -> u64 { steps.iter().map(step_cost).sum() };
    branch(&txn.success).max(branch(&txn.failure))
}

fn step_cost(step: &RequestOp) -> u64 {
    match step {
        RequestOp::Put(put) => put_cost(put),
        RequestOp::Txn(txn) => txn_cost(txn),
        RequestOp::Range(_) | RequestOp::DeleteRange(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALARM: Alarm = Alarm { kind: AlarmKind::NO_SPACE, member: NodeId(7) };

    fn change(alarms: &mut Alarms, action: AlarmAction, source: AlarmSource) -> (bool, bool) {
        let (alarm, changed) = alarms.change(AlarmRequest { action, alarm: ALARM, source });
        (alarm.is_some(), changed)
    }

    #[test]
    fn a_member_lifts_only_its_own() {
        use AlarmAction::{Lift, Raise};
        use AlarmSource::{Member, Operator};
        let mut alarms = Alarms::default();
        assert_eq!(change(&mut alarms, Lift, Member), (false, false));
        assert_eq!(change(&mut alarms, Raise, Member), (true, true));
        assert_eq!(change(&mut alarms, Raise, Member), (true, false));
        assert_eq!(change(&mut alarms, Lift, Member), (true, true));
        assert_eq!(alarms, Alarms::default());

        assert_eq!(change(&mut alarms, Raise, Member), (true, true));
        assert_eq!(change(&mut alarms, Raise, Operator), (true, true));
        assert_eq!(change(&mut alarms, Raise, Member), (true, false));
        assert_eq!(change(&mut alarms, Lift, Member), (false, false), "an operator raised it");
        assert_eq!(change(&mut alarms, Lift, Operator), (true, true));
        assert_eq!(change(&mut alarms, Raise, Member), (true, true));
        assert_eq!(change(&mut alarms, Lift, Operator), (true, true), "an operator may");
        assert_eq!(change(&mut alarms, Lift, Operator), (false, false));
    }

    #[test]
    fn the_dearer_branch_counts() {
        let put = |value| RequestOp::Put(PutRequest::of("key", value));
        let inner = TxnRequest { success: vec![put("1")], ..TxnRequest::default() };
        let steps = vec![put("four"), RequestOp::Txn(inner)];
        let txn = TxnRequest { success: vec![put("")], failure: steps, ..TxnRequest::default() };
        let cost = cost_bytes(&Operation::Txn(txn));
        assert_eq!(cost, 2 * (PUT_OVERHEAD + 3) + 4 + 1);
        assert_eq!(cost_bytes(&Operation::Txn(TxnRequest::default())), 0);
    }

    #[test]
    fn alarms_have_the_names_of_etcd() {
        assert_eq!(AlarmKind::NO_SPACE.to_string(), "NOSPACE");
        assert_eq!(AlarmKind::CORRUPT.to_string(), "CORRUPT");
        assert_eq!(AlarmKind(9).to_string(), "9");
    }
}
