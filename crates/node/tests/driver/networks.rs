//! Networks and disks that are sick for a while. As long as a majority can talk to its
//! leader, and the leader can write, no term ends.

use std::time::Duration;

use balsa::driver::Worker;
use raft_core::{Limits, NodeId, Term};

use crate::support::cluster::Cluster;
use crate::support::random::Random;

/// For how long something is sick, in steps of a second.
const SECONDS: usize = 60;

/// How soon somebody else leads when the leader's disk hangs.
const REPLACED: Duration = Duration::from_secs(3);

/// The longest time for which a line that flaps is there, or gone, in milliseconds.
const FLAP_MS: u64 = 1_500;

/// A cluster that has come to rest, with its leader and the others.
fn settled(seed: u64) -> (Cluster, NodeId, [NodeId; 2]) {
    let mut cluster = Cluster::new(3, seed, Limits::default());
    let leader = cluster.leader();
    cluster.run_for(Duration::from_secs(3));
    let next = |id: NodeId| NodeId(1 + id.0 % 3);
    (cluster, leader, [next(leader), next(next(leader))])
}

fn term(cluster: &Cluster) -> Term {
    let drivers = cluster.nodes.values().filter_map(|node| node.driver.as_ref());
    drivers.map(|driver| driver.status().ballot.term).max().expect("somebody runs")
}

fn write(cluster: &mut Cluster, id: NodeId, text: &str) {
    let call = cluster.write(id, text);
    let answer = cluster.answer(id, call);
    assert!(answer.is_ok(), "`{text}` on {id}: {answer:?}");
}

/// Until all nodes hold what the first one holds.
fn converge(cluster: &mut Cluster, writes: usize) {
    cluster.run_until(|cluster| {
        let texts = [1, 2, 3].map(|id| cluster.texts(NodeId(id)));
        texts[0].len() == writes && texts.iter().all(|each| *each == texts[0])
    });
}

fn cut(cluster: &mut Cluster, one: NodeId, other: NodeId) {
    cluster.cut.extend([(one, other), (other, one)]);
}

#[test]
fn a_follower_that_cannot_talk_to_the_leader_for_a_minute_ends_no_term() {
    for seed in 200..210 {
        let (mut cluster, leader, [alone, other]) = settled(seed);
        let before = term(&cluster);
        cut(&mut cluster, leader, alone);
        for second in 0..SECONDS {
            write(&mut cluster, leader, &format!("{second}"));
            write(&mut cluster, other, &format!("{second} forwarded"));
            cluster.run_for(Duration::from_secs(1));
            assert_eq!(term(&cluster), before, "seed {seed}, second {second}");
        }
        cluster.cut.clear();
        converge(&mut cluster, 2 * SECONDS);
        assert_eq!(term(&cluster), before, "seed {seed}: it came back");
    }
}

#[test]
fn a_line_that_flaps_ends_no_term() {
    for seed in 300..310 {
        let mut random = Random::new(seed);
        let (mut cluster, leader, [flapping, other]) = settled(seed);
        let before = term(&cluster);
        let mut writes = 0;
        let end = cluster.now.after(Duration::from_secs(SECONDS as u64));
        while cluster.now < end {
            for is_cut in [true, false] {
                if is_cut {
                    cut(&mut cluster, leader, flapping);
                } else {
                    cluster.cut.clear();
                }
                write(&mut cluster, other, &format!("{writes}"));
                writes += 1;
                cluster.run_for(Duration::from_millis(1 + random.below(FLAP_MS)));
                assert_eq!(term(&cluster), before, "seed {seed}, write {writes}");
            }
        }
        converge(&mut cluster, writes);
        assert_eq!(term(&cluster), before, "seed {seed}: it is whole again");
    }
}

#[test]
fn a_leader_whose_sync_hangs_makes_room_for_another() {
    for seed in 400..410 {
        let (mut cluster, leader, others) = settled(seed);
        let began = cluster.now;
        cluster.frozen.insert((leader, Worker::Log));
        let hanging = cluster.write(leader, "hanging");
        cluster.run_until(|cluster| {
            others.iter().any(|id| {
                let driver = cluster.nodes[id].driver.as_ref().expect("it runs");
                driver.status().leader == Some(*id)
            })
        });
        assert!(cluster.now.since(began) < REPLACED, "seed {seed}: {:?}", cluster.now.since(began));
        let next = others.into_iter().find(|id| cluster.driver(*id).status().leader == Some(*id));
        write(&mut cluster, next.expect("one of them leads"), "meanwhile");
        cluster.frozen.clear();
        let _either_way = cluster.answer(leader, hanging);
        cluster.run_for(Duration::from_secs(5));
        let texts = [1, 2, 3].map(|id| cluster.texts(NodeId(id)));
        assert!(texts.iter().all(|each| *each == texts[0]), "seed {seed}: {texts:?}");
        let times = |text| texts[0].iter().filter(|(_, found)| found == text).count();
        assert_eq!(times("meanwhile"), 1, "seed {seed}");
        assert!(times("hanging") <= 1, "seed {seed}");
    }
}
