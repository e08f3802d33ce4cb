//! Majorities against counting.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;
use raft_core::{Membership, NodeId, quorum};

use super::cases;

/// The highest value for which a majority has at least that: tried one by one.
fn naive_reached(voters: &BTreeSet<NodeId>, values: &BTreeMap<NodeId, u64>) -> u64 {
    let has = |least: u64| {
        let count = voters.iter().filter(|id| value(values, **id) >= least).count();
        count * 2 > voters.len()
    };
    (0..=20).rev().find(|least| has(*least)).unwrap_or(0)
}

fn value(values: &BTreeMap<NodeId, u64>, id: NodeId) -> u64 {
    values.get(&id).copied().unwrap_or(0)
}

fn voters(most: u64) -> impl Strategy<Value = BTreeSet<NodeId>> {
    btree_set((1..=most).prop_map(NodeId), 0..=most as usize)
}

fn values(most: u64) -> impl Strategy<Value = BTreeMap<NodeId, u64>> {
    btree_map((1..=most).prop_map(NodeId), 0_u64..=20, 0..=most as usize)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn reached_is_what_a_majority_has(voters in voters(20), values in values(20)) {
        let reached = quorum::reached(&voters, |id| value(&values, id));
        prop_assert_eq!(reached, naive_reached(&voters, &values));
    }

    #[test]
    fn agreement_is_more_than_half(voters in voters(20), yes in voters(20)) {
        let count = voters.intersection(&yes).count();
        let agrees = quorum::agrees(&voters, |id| yes.contains(&id));
        prop_assert_eq!(agrees, count * 2 > voters.len());
    }

    #[test]
    fn a_joint_membership_needs_both(
        voters in voters(9), outgoing in voters(9), values in values(9),
    ) {
        let mut membership = Membership::of_voters(voters.union(&outgoing).copied());
        membership.voters = voters.clone();
        membership.outgoing = outgoing.clone();
        let reached = membership.reached(|id| value(&values, id));
        let mut naive = naive_reached(&voters, &values);
        if !outgoing.is_empty() {
            naive = naive.min(naive_reached(&outgoing, &values));
        }
        prop_assert_eq!(reached, naive);

        let half = |set: &BTreeSet<NodeId>| {
            set.iter().filter(|id| values.contains_key(*id)).count() * 2 > set.len()
        };
        let agrees = membership.agrees(|id| values.contains_key(&id));
        prop_assert_eq!(agrees, half(&voters) && (outgoing.is_empty() || half(&outgoing)));
        let can_agree = membership.can_agree(|id| !values.contains_key(&id));
        prop_assert_eq!(can_agree, agrees);
    }
}
