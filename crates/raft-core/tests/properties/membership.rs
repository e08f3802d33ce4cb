//! Changes of the membership, and its encoding.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use raft_core::{Change, Leave, Membership, NodeId, Step};

use super::cases;

fn id() -> impl Strategy<Value = NodeId> {
    (0_u64..=6).prop_map(NodeId)
}

fn step() -> impl Strategy<Value = Step> {
    let context = vec(any::<u8>(), 0..3).prop_map(Bytes::from);
    prop_oneof![
        (id(), context.clone()).prop_map(|(id, context)| Step::AddVoter { id, context }),
        (id(), context.clone()).prop_map(|(id, context)| Step::AddLearner { id, context }),
        id().prop_map(Step::Promote),
        id().prop_map(Step::Demote),
        id().prop_map(Step::Remove),
        (id(), context).prop_map(|(id, context)| Step::SetContext { id, context }),
        (id(), 0_u64..3).prop_map(|(id, storage_id)| Step::SetStorage { id, storage_id }),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let leave = prop_oneof![Just(Leave::Auto), Just(Leave::Explicit)];
    prop_oneof![
        3 => (vec(step(), 0..4), leave).prop_map(|(steps, leave)| Change::Steps { steps, leave }),
        1 => Just(Change::LeaveJoint),
    ]
}

/// What a sequence of changes makes of three voters; those that make no sense are
/// left out.
fn history() -> impl Strategy<Value = Vec<Membership>> {
    vec(change(), 1..12).prop_map(|changes| {
        let mut all = vec![Membership::of_voters([1, 2, 3].map(NodeId))];
        for change in changes {
            let next = all[all.len() - 1].changed(&change);
            all.extend(next.ok());
        }
        all
    })
}

/// Whether there are two quorums, one of each, without a common node.
fn can_miss_each_other(old: &Membership, new: &Membership) -> bool {
    (0_u32..1 << 7).any(|set| {
        let inside = |id: NodeId| set & (1 << id.0) != 0;
        old.agrees(inside) && new.agrees(|id| !inside(id))
    })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn successive_memberships_never_decide_apart(history in history()) {
        for pair in history.windows(2) {
            let (old, new) = (&pair[0], &pair[1]);
            prop_assert!(!can_miss_each_other(old, new), "{old} → {new}");
        }
    }

    #[test]
    fn changes_keep_the_invariants(history in history()) {
        for pair in history.windows(2) {
            let (old, new) = (&pair[0], &pair[1]);
            new.assert_valid();
            prop_assert!(!new.voters.is_empty());
            prop_assert!(new.removed.is_superset(&old.removed), "removed for good: {new}");
            let gone = old.members.keys().filter(|id| !new.members.contains_key(id));
            for id in gone {
                prop_assert!(new.removed.contains(id), "{id} went without a trace");
            }
            prop_assert!(!(old.is_joint() && new.is_joint()), "a joint phase has to end first");
            prop_assert_ne!(old, new);
        }
    }

    #[test]
    fn the_encoding_round_trips(history in history()) {
        for membership in history {
            let bytes = membership.encode();
            let back = Membership::decode(Membership::FORMAT, &bytes);
            prop_assert_eq!(back.as_ref(), Ok(&membership));
            for cut in 0..bytes.len() {
                prop_assert!(Membership::decode(Membership::FORMAT, &bytes[..cut]).is_err());
            }
        }
    }

    #[test]
    fn garbage_is_refused_or_valid(
        history in history(),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        noise in vec(any::<u8>(), 0..40),
    ) {
        let mut bytes = history[history.len() - 1].encode().to_vec();
        for (place, value) in flips {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        for bytes in [bytes, noise] {
            if let Ok(membership) = Membership::decode(Membership::FORMAT, &bytes) {
                membership.assert_valid();
            }
        }
    }
}
