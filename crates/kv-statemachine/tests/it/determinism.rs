//! Replicas that share nothing but the log are equal.

use bytes::Bytes;
use kv_statemachine::Reply;
use raft_core::{Entry, EntryKind};
use raft_storage::StateMachine;

use crate::support::{Node, Rng, membership, random};

/// One replica applies entry by entry; one in batches of random lengths, with
/// removals and restarts in between; one takes a snapshot of another in the
/// middle. All give the same replies and end with the same hash.
#[test]
fn batches_restarts_and_snapshots_make_no_difference() {
    for seed in 0..150 {
        let mut rng = Rng::new(seed);
        let log = random_log(&mut rng, 120);
        let mut single = Node::new();
        let mut expected = Vec::new();
        let mut hashes = Vec::new();
        for entry in &log {
            expected.extend(single.apply(std::slice::from_ref(entry)).unwrap());
            hashes.push(single.view().state_hash().unwrap());
        }
        single.finish_compaction();
        let end = *hashes.last().unwrap();
        assert_eq!(single.view().state_hash().unwrap(), end, "seed {seed}: removals show");

        let mut batched = Node::new();
        let pace = 1 + rng.below(20) as u32;
        let mut replies = Vec::new();
        let mut rest = log.as_slice();
        while !rest.is_empty() {
            batched.machine.set_removal_pace(pace);
            let (batch, later) = rest.split_at(rest.len().min(1 + rng.below(9) as usize));
            rest = later;
            replies.extend(batched.apply(batch).unwrap());
            let hash = batched.view().state_hash().unwrap();
            assert_eq!(hash, hashes[replies.len() - 1], "seed {seed} after {}", replies.len());
            match rng.below(6) {
                0 => batched = batched.restart().unwrap(),
                1 => batched.finish_compaction(),
                2 => {
                    let mut other = Node::new();
                    other.apply(&log[..rng.below(5) as usize]).unwrap();
                    batched.send_snapshot(&mut other).unwrap();
                    assert!(other.machine.install_unfinished());
                    other.machine.finish_install().unwrap();
                    assert!(!other.machine.install_unfinished());
                    assert_eq!(other.machine.applied(), batched.machine.applied());
                    assert_eq!(other.machine.durable().unwrap(), batched.index());
                    batched = other;
                }
                _ => {}
            }
        }
        assert_eq!(replies, expected, "seed {seed}");
        assert_eq!(batched.machine.applied(), single.machine.applied(), "seed {seed}");
        batched.finish_compaction();
        assert_eq!(batched.rows(), single.rows(), "seed {seed}: removals end differently");
        let (batched, single) = (batched.view(), single.view());
        assert_eq!(batched.hash_kv(0).unwrap(), single.hash_kv(0).unwrap(), "seed {seed}");
        assert_eq!(batched.key_count(), single.key_count(), "seed {seed}");
    }
}

/// A hash that nothing moves would prove nothing.
#[test]
fn every_part_of_a_version_moves_the_hash() {
    use kv_statemachine::{
        Alarm, AlarmAction, AlarmKind, AlarmRequest, AlarmSource, DeleteRangeRequest, KeyRange,
        MemberAttributes, Operation, PutRequest,
    };
    let put = |key: &'static str, value: &'static str| Operation::Put(PutRequest::of(key, value));
    let delete = |key: &'static str| {
        Operation::DeleteRange(DeleteRangeRequest { range: KeyRange::single(key), prev_kv: false })
    };
    let compact = |revision| Operation::Compact(kv_statemachine::CompactRequest { revision });
    let name = |name: &str| Operation::SetMemberAttributes {
        member: raft_core::NodeId(1),
        attributes: MemberAttributes { name: name.to_owned(), client_urls: Vec::new() },
    };
    let alarm = |member, source| {
        let alarm = Alarm { kind: AlarmKind::NO_SPACE, member: raft_core::NodeId(member) };
        Operation::Alarm(AlarmRequest { action: AlarmAction::Raise, alarm, source })
    };
    let logs = [
        vec![],
        vec![put("a", "1")],
        vec![put("b", "1")],
        vec![put("a", "2")],
        vec![put("a", "1"), put("a", "1")],
        vec![put("a", "1"), put("b", "1")],
        vec![put("b", "1"), put("a", "1")],
        vec![put("a", "1"), delete("a")],
        vec![put("a", "1"), delete("a"), put("a", "1")],
        vec![put("a", "1"), put("a", "1"), put("a", "1")],
        vec![put("a", "1"), compact(1)],
        vec![put("a", "1"), compact(2)],
        vec![put("a", "1"), name("x")],
        vec![put("a", "1"), name("y")],
        vec![put("a", "1"), alarm(1, AlarmSource::Member)],
        vec![put("a", "1"), alarm(1, AlarmSource::Operator)],
        vec![put("a", "1"), alarm(2, AlarmSource::Member)],
    ];
    let mut hashes: Vec<_> = logs
        .into_iter()
        .map(|log| {
            let mut node = Node::new();
            log.into_iter().for_each(|operation| {
                node.run(operation).outcome.expect("it is done");
            });
            node.view().state_hash().unwrap()
        })
        .collect();
    let all = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), all, "two different states have one hash");
}

/// A crash takes what was not flushed, position and data together; the log
/// brings it back.
#[test]
fn a_crash_and_the_log_give_the_same_state() {
    for seed in 0..100 {
        let mut rng = Rng::new(seed);
        let log = random_log(&mut rng, 60);
        let mut whole = Node::new();
        whole.apply(&log).unwrap();

        let mut node = Node::new();
        let mut flushed = 0;
        while node.index().0 < 60 {
            let next = node.index().0 as usize;
            node.apply(&log[next..60.min(next + 1 + rng.below(5) as usize)]).unwrap();
            if rng.one_in(4) {
                node.machine.flush().unwrap();
                flushed = node.index().0;
            }
            if rng.one_in(6) {
                assert_eq!(node.machine.durable().unwrap().0, flushed, "seed {seed}");
                node = node.crash();
                assert_eq!(node.index().0, flushed, "seed {seed}");
            }
        }
        let hash = |node: &Node| node.view().state_hash().unwrap();
        assert_eq!(hash(&node), hash(&whole), "seed {seed}");
        assert_eq!(node.machine.applied(), whole.machine.applied(), "seed {seed}");
    }
}

/// Commands, no-ops and memberships.
fn random_log(rng: &mut Rng, length: u64) -> Vec<Entry> {
    let shape = Node::new();
    let mut log: Vec<Entry> = Vec::new();
    for index in 1..=length {
        let mut entry = match rng.below(15) {
            0 => shape.entry_of(EntryKind::NOOP, 0, Bytes::new()),
            1 => {
                let mut membership = membership();
                membership.members.entry(raft_core::NodeId(9)).or_default();
                let format = raft_core::Membership::FORMAT;
                shape.entry_of(EntryKind::MEMBERSHIP, format, membership.encode())
            }
            2 => shape.entry_of(
                EntryKind::COMMAND,
                kv_statemachine::codec::FORMAT,
                Bytes::from_static(b"\xff"),
            ),
            // About as many revisions as entries.
            _ => shape.entry(random::operation(rng, index as i64 * 2 / 3 + 1)),
        };
        entry.index.0 = index;
        log.push(entry);
    }
    log
}

#[test]
fn a_reply_carries_the_request_id() {
    use kv_statemachine::{Command, Operation, PutRequest, RequestId, codec};
    let id = RequestId {
        node: raft_core::NodeId(2),
        incarnation: raft_core::Incarnation(77),
        counter: 5,
    };
    let operation = Operation::Put(PutRequest::of("a", "b"));
    let mut node = Node::new();
    let payload = codec::encode(&Command { request_id: Some(id), operation });
    let entry = node.entry_of(EntryKind::COMMAND, codec::FORMAT, payload);
    let replies: Vec<Option<Reply>> = node.apply(&[entry]).unwrap();
    assert_eq!(replies[0].as_ref().expect("a command has a reply").request_id, Some(id));
}
