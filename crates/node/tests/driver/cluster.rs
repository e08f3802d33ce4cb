//! Whole clusters of drivers.

use std::time::Duration;

use balsa::driver::request::{CallId, Done, NotDone, RequestBody, RequestError, Unknown};
use balsa::driver::{Fatal, Worker};
use raft_core::{Change, Leave, Limits, NodeId, RoleName, Step};
use raft_storage::StateMachine;

use crate::support::cluster::Cluster;
use crate::support::journal;

/// Snapshots and purges after a few entries.
fn short_logs() -> Limits {
    Limits {
        snapshot_entries: 10,
        trailing_entries: 3,
        snapshot_tail_entries: 5,
        cached_entries: 4,
        ..Limits::default()
    }
}

fn others(cluster: &Cluster, id: NodeId) -> Vec<NodeId> {
    cluster.nodes.keys().copied().filter(|other| *other != id).collect()
}

fn converge(cluster: &mut Cluster) {
    cluster.run_until(|cluster| {
        let ids: Vec<NodeId> = cluster.nodes.keys().copied().collect();
        ids.windows(2).all(|pair| cluster.texts(pair[0]) == cluster.texts(pair[1]))
    });
}

#[test]
fn writes_are_taken_by_every_node_and_read_back_there() {
    let mut cluster = Cluster::new(3, 1, Limits::default());
    cluster.leader();
    for (number, id) in [(1, NodeId(1)), (2, NodeId(2)), (3, NodeId(3))] {
        let text = format!("write {number}");
        let call = cluster.write(id, &text);
        let Ok(Done::Written { position, reply }) = cluster.answer(id, call) else {
            panic!("the write is answered with its reply");
        };
        assert_eq!(reply.text, text);
        assert!(cluster.texts(id).contains(&(position.index.0, text)), "applied where asked");
        let read = cluster.ask(id, RequestBody::Read);
        let Ok(Done::Readable(index)) = cluster.answer(id, read) else {
            panic!("the read is answered with an index");
        };
        assert!(index >= position.index);
    }
    converge(&mut cluster);
    assert_eq!(cluster.texts(NodeId(1)).len(), 3);
}

#[test]
fn many_writes_share_a_sync() {
    let mut cluster = Cluster::new(3, 2, Limits::default());
    let leader = cluster.leader();
    cluster.run_for(Duration::from_secs(3));
    let before = cluster.nodes[&leader].disks.groups.lock().expect("nobody panicked").len();
    let calls: Vec<CallId> =
        (0..20).map(|number| cluster.write(leader, &format!("write {number}"))).collect();
    for call in calls {
        assert!(cluster.answer(leader, call).is_ok());
    }
    let groups = cluster.nodes[&leader].disks.groups.lock().expect("nobody panicked").len();
    assert_eq!(groups - before, 1, "20 writes, one group");
}

#[test]
fn what_is_beyond_the_bound_is_refused_at_the_door_and_nowhere_else() {
    let mut cluster = Cluster::new(3, 3, Limits::default());
    let leader = cluster.leader();
    let calls: Vec<CallId> = (0..20).map(|_| cluster.write(leader, "x")).collect();
    let deadline = cluster.now.after(Duration::from_secs(1));
    let refused = cluster.driver(leader).submit(CallId(999), deadline, RequestBody::Read);
    assert_eq!(refused.expect_err("there is no room").requests, 20);
    for call in calls {
        assert!(cluster.answer(leader, call).is_ok());
    }
    assert_eq!(cluster.driver(leader).admission().requests(), 0, "all permits came back");
}

#[test]
fn storage_ids_are_recorded_at_first_contact() {
    let mut cluster = Cluster::new(3, 4, Limits::default());
    let leader = cluster.leader();
    cluster.run_until(|cluster| {
        cluster.nodes.values().filter_map(|node| node.driver.as_ref()).all(|driver| {
            let members = driver.status().membership.members;
            members.iter().all(|(id, member)| member.storage_id == Some(id.0))
        })
    });
    let index = cluster.driver(leader).status().membership_index;
    cluster.run_for(Duration::from_secs(5));
    assert_eq!(cluster.driver(leader).status().membership_index, index, "and once only");
}

#[test]
fn a_cut_off_leader_answers_what_it_can_know() {
    let mut cluster = Cluster::new(3, 5, Limits::default());
    let old = cluster.leader();
    cluster.run_for(Duration::from_secs(3));
    let peers = others(&cluster, old);
    for peer in &peers {
        cluster.cut.insert((old, *peer));
        cluster.cut.insert((*peer, old));
    }
    let lost = cluster.write(old, "lost");
    cluster.run_until(|cluster| {
        let leads = |id: &NodeId| {
            let driver = cluster.nodes[id].driver.as_ref().expect("the node runs");
            driver.status().role == RoleName::Leader
        };
        peers.iter().any(leads)
    });
    assert!(!cluster.answers.contains_key(&(old, lost)), "stepping down alone decides nothing");
    cluster.cut.clear();
    let refused = cluster.answer(old, lost);
    assert_eq!(refused, Err(RequestError::NotDone(NotDone::Replaced)));
    converge(&mut cluster);
    assert!(cluster.texts(old).iter().all(|(_, text)| text != "lost"));
}

#[test]
fn a_forwarded_write_fails_at_once_when_the_leader_changes() {
    let mut cluster = Cluster::new(3, 6, Limits::default());
    let leader = cluster.leader();
    cluster.run_for(Duration::from_secs(3));
    let follower = others(&cluster, leader)[0];
    let call = cluster.write(follower, "forwarded");
    cluster.turn(follower, Worker::Raft).expect("the disks are well");
    let asked_at = cluster.now;
    cluster.crash(leader);
    let result = cluster.answer(follower, call);
    assert_eq!(result, Err(RequestError::Unknown(Unknown::LeaderChanged)));
    assert!(cluster.now.since(asked_at) < Duration::from_secs(1), "not after the deadline");
}

#[test]
fn without_a_leader_reads_and_writes_are_certainly_not_done() {
    let mut cluster = Cluster::new(3, 7, Limits::default());
    let no_leader = Err(RequestError::NotDone(NotDone::NoLeader));
    let (write, read) = (cluster.write(NodeId(1), "x"), cluster.ask(NodeId(1), RequestBody::Read));
    assert_eq!(cluster.answer(NodeId(1), write), no_leader);
    assert_eq!(cluster.answer(NodeId(1), read), no_leader);
}

#[test]
fn a_deadline_leaves_a_write_unknown_and_a_read_not_done() {
    let mut cluster = Cluster::new(3, 8, Limits::default());
    let leader = cluster.leader();
    cluster.run_for(Duration::from_secs(3));
    for peer in others(&cluster, leader) {
        cluster.cut.insert((leader, peer));
        cluster.cut.insert((peer, leader));
    }
    let soon = cluster.now.after(Duration::from_millis(200));
    let body = RequestBody::Write { format: 1, payload: journal::command("late") };
    let driver = cluster.driver(leader);
    driver.submit(CallId(901), soon, body).expect("there is room");
    driver.submit(CallId(902), soon, RequestBody::Read).expect("there is room");
    let write = cluster.answer(leader, CallId(901));
    let read = cluster.answer(leader, CallId(902));
    assert_eq!(write, Err(RequestError::Unknown(Unknown::TimedOut)));
    assert_eq!(read, Err(RequestError::NotDone(NotDone::TimedOut)));
    assert_eq!(cluster.now, soon);
}

#[test]
fn leadership_is_handed_over_on_request() {
    let mut cluster = Cluster::new(3, 9, Limits::default());
    let leader = cluster.leader();
    cluster.run_for(Duration::from_secs(3));
    let call = cluster.ask(leader, RequestBody::TransferLeadership(None));
    let Ok(Done::Transferred(next)) = cluster.answer(leader, call) else {
        panic!("the handover succeeds");
    };
    assert_eq!(cluster.leader(), next);
    assert_ne!(next, leader);
}

#[test]
fn a_change_of_membership_is_answered_when_it_is_committed() {
    let mut cluster = Cluster::new(3, 10, Limits::default());
    let leader = cluster.leader();
    cluster.run_for(Duration::from_secs(3));
    let demoted = others(&cluster, leader)[0];
    let change = Change::Steps { steps: vec![Step::Demote(demoted)], leave: Leave::Auto };
    let call = cluster.ask(leader, RequestBody::ChangeMembership(change.clone()));
    let Ok(Done::Changed(position)) = cluster.answer(leader, call) else {
        panic!("the change succeeds");
    };
    let applied = cluster.driver(leader).machine().applied();
    assert!(applied.membership.is_learner(demoted) && applied.position >= position);
    let again = cluster.ask(leader, RequestBody::ChangeMembership(change));
    assert!(matches!(
        cluster.answer(leader, again),
        Err(RequestError::NotDone(NotDone::Refused(_)))
    ));
}

#[test]
fn a_failed_disk_ends_the_node_and_tells_clients_that_they_cannot_know() {
    let mut cluster = Cluster::new(3, 11, Limits::default());
    let leader = cluster.leader();
    cluster.run_for(Duration::from_secs(3));
    let call = cluster.write(leader, "x");
    let writes = cluster.nodes[&leader].disks.log.writes();
    cluster.nodes[&leader].disks.log.crash_at(Some(writes + 1));
    cluster.turn(leader, Worker::Raft).expect("the Raft worker needs no disk");
    let error = cluster.turn(leader, Worker::Log).expect_err("the disk fails");
    assert!(matches!(error, Fatal::Log(_)), "{error}");
    let unknown = Err(RequestError::Unknown(Unknown::Stopping));
    assert_eq!(cluster.answers[&(leader, call)], unknown);
    let now = cluster.now;
    let driver = cluster.driver(leader);
    assert!(Worker::ALL.iter().all(|worker| !driver.has_work(*worker, now)));
    assert_eq!(driver.admission().requests(), 0);
}

#[test]
fn a_node_that_was_away_is_brought_up_to_date_by_a_snapshot() {
    let mut cluster = Cluster::new(3, 12, short_logs());
    let leader = cluster.leader();
    let away = others(&cluster, leader)[0];
    cluster.crash(away);
    for number in 0..100 {
        let call = cluster.write(leader, &format!("write {number}"));
        assert!(cluster.answer(leader, call).is_ok());
    }
    cluster.start(away);
    converge(&mut cluster);
    assert!(cluster.nodes[&away].installs >= 1, "its entries were purged meanwhile");
    assert_eq!(cluster.texts(away).len(), 100);
    let call = cluster.write(away, "back");
    assert!(cluster.answer(away, call).is_ok());
}

#[test]
fn acknowledged_writes_survive_power_losses_between_any_two_turns() {
    let mut installs = 0;
    for seed in 100..110 {
        let mut cluster = Cluster::new(3, seed, short_logs());
        let mut acknowledged = Vec::new();
        for round in 0..12 {
            let leader = cluster.leader();
            let asked: Vec<(NodeId, CallId, String)> = (0..6)
                .map(|number| {
                    let id = NodeId(1 + number % 3);
                    let text = format!("round {round} write {number}");
                    (id, cluster.write(id, &text), text)
                })
                .collect();
            for _ in 0..40 + seed % 10 * 5 + round * 7 {
                cluster.step();
            }
            // The leader alone, or all at once.
            let victims =
                if round % 3 == 2 { vec![NodeId(1), NodeId(2), NodeId(3)] } else { vec![leader] };
            victims.iter().for_each(|id| cluster.crash(*id));
            let leaves = round % 2 == 0 && victims.len() == 1;
            if leaves {
                // Long enough for the others to purge what it lacks.
                let next = cluster.leader();
                for number in 0..15 {
                    let text = format!("round {round} meanwhile {number}");
                    let call = cluster.write(next, &text);
                    assert!(cluster.answer(next, call).is_ok(), "seed {seed}: `{text}`");
                    acknowledged.push(text);
                }
            }
            victims.iter().for_each(|id| cluster.start(*id));
            cluster.run_for(Duration::from_secs(6));
            for (id, call, text) in asked {
                if let Some(Ok(_)) = cluster.answers.get(&(id, call)) {
                    acknowledged.push(text);
                }
            }
        }
        converge(&mut cluster);
        let texts: Vec<String> =
            cluster.texts(NodeId(1)).into_iter().map(|(_, text)| text).collect();
        for text in &acknowledged {
            let times = texts.iter().filter(|found| *found == text).count();
            assert_eq!(times, 1, "seed {seed}: `{text}` was acknowledged");
        }
        assert!(acknowledged.len() > 12, "seed {seed}: {} writes", acknowledged.len());
        installs += cluster.nodes.values().map(|node| node.installs).sum::<u64>();
    }
    assert!(installs > 0, "snapshots were installed in between");
}
