//! Members that come and go while clients write.

use std::fs;
use std::time::{Duration, Instant};

use bench::process::ProcessError;
use proto::etcdserverpb::RangeRequest;
use raft_core::{Incarnation, NodeId};
use raft_net::grpc::{Options, inquire};
use raft_net::{Identity, PeerAddress};
use tonic::{Code, Status};

use super::harness::{LIMIT, Load, ONE_CALL, Town};

/// The longest time without an acknowledgement while members change.
const LONGEST_GAP: Duration = Duration::from_millis(500);

/// What a write is told that was under way while the leader changed.
const AT_A_CHANGE: [&str; 2] = [
    "etcdserver: leader changed",
    "etcdserver: request timed out, possibly due to previous leader failure",
];

/// Three members become five and three again, and none of the first ones is among the
/// last: learner or voter at first, the leader removed among them.
#[tokio::test(flavor = "multi_thread")]
async fn all_members_are_replaced_under_load() {
    let mut town = Town::start(3, &[]).await;
    let mut members = vec![0, 1, 2];
    let load = Load::start("replaced", &town.endpoints(), 8);
    load.wait_for(2_000).await;
    let began = Instant::now();
    let first_term = town.term().await;

    grow(&mut town, &load, &mut members, true).await;
    grow(&mut town, &load, &mut members, false).await;
    let leader = town.wait_leader().await;
    shrink(&mut town, &load, &mut members, leader).await;
    grow(&mut town, &load, &mut members, false).await;
    for founder in 0..3 {
        if members.contains(&founder) {
            shrink(&mut town, &load, &mut members, founder).await;
        }
    }
    assert_eq!(members, [3, 4, 5], "nobody is left of the first ones");
    load.wait_for_more(2_000).await;

    let (gap, failures) = (load.longest_gap(began), load.failures());
    let record = load.stop().await;
    let changes = town.term().await - first_term;
    println!("{} writes, longest gap {gap:?}, failed {failures:?}", record.acknowledged());
    assert!(gap < LONGEST_GAP, "no write was acknowledged for {gap:?}");
    let is_excused = |why: &String| AT_A_CHANGE.iter().any(|known| why.contains(known));
    assert!(failures.iter().all(is_excused), "{failures:?}");
    assert!(
        failures.len() as u64 <= 8 * changes,
        "{} writes of 8 clients failed in {changes} changes of the leader",
        failures.len()
    );
    let names = town.connection(3).members(ONE_CALL).await.expect("the members are listed");
    let mut names: Vec<String> = names.into_iter().map(|member| member.name).collect();
    names.sort();
    assert_eq!(names, ["n4", "n5", "n6"]);
    town.verify(&record).await;
}

/// A removed member stops by itself, and so does each later start of it, whether it was
/// there when it was removed or not; nobody else notices.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_member_stops_and_stays_away() {
    let mut town = Town::start(3, &[]).await;
    let leader = town.wait_leader().await;
    let [there, away] = town.others(leader)[..] else { panic!("three members have two others") };
    let (id, id_away) = (town.id(there).await, town.id(away).await);
    town.kill_node(away);
    town.remove(there, id_away).await;
    town.remove(leader, id).await;
    let status = town.process(there).wait(LIMIT).expect("the removed member stops");
    assert!(status.success(), "it ended with {status}");
    assert!(town.process(there).log_end().contains("permanently removed from the cluster"));

    let term = town.term().await;
    for node in [there, away] {
        town.process(node).start().expect("it starts again");
        let status = town.process(node).wait(LIMIT).expect("it stops again");
        assert!(status.success(), "node {node} ended with {status}");
        assert!(town.process(node).log_end().contains("permanently removed from the cluster"));
    }
    assert_eq!(town.term().await, term, "nobody stood for election");
    let load = Load::start("left", &[town.endpoints().swap_remove(leader)], 2);
    load.wait_for(100).await;
    let record = load.stop().await;
    assert_eq!(record.unknown(), 0, "the last member decides alone");
}

/// A folder that was wiped does not come back under its old id; its member is removed and
/// another one added in its place, at the same address.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_folder_is_replaced_by_another_member() {
    let mut town = Town::start(3, &[]).await;
    let load = Load::start("lost", &town.endpoints(), 4);
    load.wait_for(1_000).await;
    let record = load.stop().await;
    let leader = town.wait_leader().await;
    let [lost, other] = town.others(leader)[..] else { panic!("three members have two others") };
    let id = town.id(lost).await;
    let folder = town.folder().join(format!("n{}", lost + 1));
    wait_until_recorded(&mut town, lost, other).await;

    town.kill_node(lost);
    fs::remove_dir_all(&folder).expect("the folder can be wiped");
    town.process(lost).start().expect("it starts");
    let status = town.process(lost).wait(LIMIT).expect("it ends by itself");
    assert_eq!(status.code(), Some(1));
    let log = town.process(lost).log_end();
    assert!(log.contains("remove the member and add it anew"), "{log}");
    assert!(!folder.join("log").exists(), "nothing was begun in the empty folder");

    town.remove(other, id).await;
    let url = town.peer_url(lost);
    town.add(other, &url, false).await;
    town.rejoin(lost, &[0, 1, 2]);
    town.start_node(lost).await;
    assert_ne!(town.id(lost).await, id, "ids are never used again");
    town.verify(&record).await;
}

/// Waits until a member knows the data folder of another one by its id, which the leader
/// records when it has heard of it.
async fn wait_until_recorded(town: &mut Town, node: usize, by: usize) {
    let told = town.status(node).await.expect("the node answers").header.expect("has a header");
    let identity = Identity {
        cluster: told.cluster_id,
        node: NodeId(told.member_id),
        incarnation: Incarnation(0),
        storage: 0,
    };
    let peer = NodeId(town.id(by).await);
    let address: PeerAddress = town.peer_url(by).parse().expect("an address");
    town.until("the folder is recorded", LIMIT, async |_| {
        let asked =
            inquire(&identity, &Options::default(), peer, std::slice::from_ref(&address)).await;
        let inquiry = asked.map_err(|error| Status::unavailable(error.to_string()))?;
        Ok(inquiry.storage.map(drop))
    })
    .await
    .expect("the leader records it");
}

/// Adds a member and waits until it has a vote and serves, then lets clients use it.
async fn grow(town: &mut Town, load: &Load, members: &mut Vec<usize>, is_learner: bool) {
    let node = town.join(members);
    let via = members[0];
    let url = town.peer_url(node);
    let id = town.add(via, &url, is_learner).await;
    if is_learner {
        town.process(node).start().expect("the learner starts");
        town.until("the learner serves nothing but what it may", LIMIT, async |cluster| {
            let read = RangeRequest { key: "key".into(), ..RangeRequest::default() };
            let own = RangeRequest { serializable: true, ..read.clone() };
            let refused = cluster.connection(node).range(read, ONE_CALL).await;
            let is_refused = refused.is_err_and(|status| {
                status.message() == "etcdserver: rpc not supported for learner"
            });
            cluster.connection(node).range(own, ONE_CALL).await?;
            let is_learner = cluster.status(node).await?.is_learner;
            Ok((is_refused && is_learner).then_some(()))
        })
        .await
        .expect("the learner says what it is");
        let mut connection = town.connection(via);
        town.until("the learner is promoted", LIMIT, async |_| {
            match connection.promote_member(id, ONE_CALL).await {
                Err(status) if status.message().contains("in sync with leader") => Ok(None),
                answer => answer.map(Some),
            }
        })
        .await
        .expect("the learner catches up");
    }
    town.start_node(node).await;
    members.push(node);
    load.move_to(&endpoints(town, members)).await;
    load.wait_for_more(500).await;
}

/// Takes a member from the clients, removes it, and waits for its end.
async fn shrink(town: &mut Town, load: &Load, members: &mut Vec<usize>, node: usize) {
    let id = town.id(node).await;
    members.retain(|member| *member != node);
    load.move_to(&endpoints(town, members)).await;
    let via = members[members.len() - 1];
    town.remove(via, id).await;
    let status = town.process(node).wait(LIMIT).expect("the removed member stops");
    assert!(status.success(), "node {node} ended with {status}");
    load.wait_for_more(500).await;
}

fn endpoints(town: &Town, members: &[usize]) -> Vec<String> {
    let all = town.endpoints();
    members.iter().map(|member| all[*member].clone()).collect()
}

impl Town {
    /// Adds a member, asked of a node. It is asked again only while the cluster says that
    /// it is not well enough: a member that was just started may not be in touch yet.
    async fn add(&mut self, via: usize, url: &str, is_learner: bool) -> u64 {
        let mut connection = self.connection(via);
        let added = self.until("a member is added", LIMIT, async |_| {
            unless_unwell(connection.add_member(url, is_learner, ONE_CALL).await)
        });
        settled(added.await)
    }

    /// Removes a member, asked of a node, as [`Town::add`] adds one.
    async fn remove(&mut self, via: usize, id: u64) {
        let mut connection = self.connection(via);
        let removed = self.until("a member is removed", LIMIT, async |_| {
            unless_unwell(connection.remove_member(id, ONE_CALL).await)
        });
        settled(removed.await);
    }
}

/// The answer, or nothing yet if the cluster is not well; other refusals stay.
fn unless_unwell<T>(answer: Result<T, Status>) -> Result<Option<Result<T, Status>>, Status> {
    match answer {
        Err(status)
            if status.code() == Code::Unavailable && status.message().contains("unhealthy") =>
        {
            Ok(None)
        }
        answer => Ok(Some(answer)),
    }
}

fn settled<T>(answer: Result<Result<T, Status>, ProcessError>) -> T {
    answer.expect("the cluster becomes well").expect("the change is made")
}
