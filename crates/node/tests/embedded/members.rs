//! Members that come, move and go, by the client in the process.

use std::net::SocketAddr;
use std::time::Duration;

use balsa::replica::Ending;
use balsa::{ChangeRefusal, Consistency, Error, Node, NodeBuilder, StartError};
use raft_core::{NodeId, RoleName, StopReason};
use tempfile::TempDir;

use super::{free_address, until};

/// Small enough that a newcomer finds the log's beginning purged.
const SNAPSHOT_ENTRIES: u64 = 50;

fn builder(folder: &TempDir, name: &str, address: SocketAddr) -> NodeBuilder {
    Node::builder()
        .name(name)
        .data_dir(folder.path().join(name))
        .state_in_memory()
        .snapshot_entries(SNAPSHOT_ENTRIES)
        .heartbeat_interval(Duration::from_millis(50))
        .election_timeout(Duration::from_millis(500))
        .founder(name, [url(address)])
        .listen_peer(address)
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn own_id(node: &Node) -> NodeId {
    node.client().header().member
}

async fn until_equal(one: &Node, two: &Node) {
    until("both have applied the same", async || {
        let [one, two] = [one.client(), two.client()];
        one.state_hash().await.expect("it is read") == two.state_hash().await.expect("it is read")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_joins_by_a_snapshot_and_takes_the_first_ones_place() {
    let folder = TempDir::new().expect("a temporary folder");
    let (first, second) = (free_address(), free_address());
    let one = builder(&folder, "n1", first).start().await.expect("the first one starts");
    let client = one.client();
    for number in 0..5 * SNAPSHOT_ENTRIES {
        client.put(format!("key {number}"), "value").await.expect("the write is done");
    }
    let newcomer = || builder(&folder, "n2", second).founder("n1", [url(first)]).join_existing();

    let early = newcomer().start().await.err().expect("it was not added");
    assert!(matches!(early, StartError::Join(_)), "{early}");
    assert!(early.to_string().contains("member count is unequal"), "{early}");

    let (added, members) = client.member_add([url(second)], false).await.expect("it is added");
    assert_eq!((added.name.as_str(), added.peer_urls.as_slice()), ("", &[url(second)][..]));
    assert_eq!(members.len(), 2);
    let two = newcomer().start().await.expect("it joins");
    assert_eq!(own_id(&two), added.id);
    two.client().ready().await.expect("it catches up");
    until_equal(&one, &two).await;
    until("its name is known", async || {
        let members = two.client().members(Consistency::Linearizable).await;
        members.expect("the members are listed").iter().any(|member| member.name == "n2")
    })
    .await;

    // Asked of the one that does not lead, what only the leader does is refused.
    assert_eq!(two.client().move_leader(added.id).await, Err(Error::NotLeader));
    assert_eq!(client.move_leader(NodeId(7)).await, Err(Error::BadTransferee));
    client.move_leader(added.id).await.expect("the leadership goes over");
    assert_eq!(two.client().status().role, RoleName::Leader);

    let left = client.member_remove(own_id(&one)).await.expect("it has itself removed");
    assert_eq!(left.iter().map(|member| member.id).collect::<Vec<_>>(), [added.id]);
    let ending = one.wait().await;
    assert!(matches!(ending, Ending::Dismissed(StopReason::Removed)), "{ending}");
    two.client().put("alone", "value").await.expect("the other one goes on");
    let refused = two.client().member_remove(added.id).await;
    assert_eq!(refused, Err(Error::Members(ChangeRefusal::NotEnoughStarted)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_moves_to_another_address() {
    let folder = TempDir::new().expect("a temporary folder");
    let (first, second, elsewhere) = (free_address(), free_address(), free_address());
    let one = builder(&folder, "n1", first).start().await.expect("the first one starts");
    let client = one.client();
    let (added, _) = client.member_add([url(second)], true).await.expect("it is added");
    assert!(added.is_learner);
    let newcomer = |at| builder(&folder, "n2", at).founder("n1", [url(first)]).join_existing();
    let two = newcomer(second).start().await.expect("it joins");
    until_equal(&one, &two).await;
    two.stop().await;

    let members = client.member_update(added.id, [url(elsewhere)]).await.expect("it is updated");
    let moved = members.iter().find(|member| member.id == added.id).expect("it is a member");
    assert_eq!(moved.peer_urls, [url(elsewhere)]);
    client.put("meanwhile", "value").await.expect("a learner is not needed");
    let two = newcomer(elsewhere).start().await.expect("it starts where it is now");
    assert_eq!(own_id(&two), added.id);
    until_equal(&one, &two).await;
    until("it is promoted", async || match client.member_promote(added.id).await {
        Ok(members) => members.iter().all(|member| !member.is_learner),
        Err(error) => {
            assert_eq!(error, Error::Members(ChangeRefusal::LearnerNotReady));
            false
        }
    })
    .await;
    let again = client.member_promote(added.id).await;
    assert_eq!(again, Err(Error::Members(ChangeRefusal::NotLearner)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_nobody_cannot_join() {
    let folder = TempDir::new().expect("a temporary folder");
    let newcomer = builder(&folder, "n2", free_address()).founder("n1", [url(free_address())]);
    let error = newcomer.join_existing().start().await.err().expect("nobody is there");
    let text = error.to_string();
    assert!(text.contains("could not retrieve cluster information"), "{text}");
    assert!(text.contains("connection refused"), "{text}");
    assert!(!folder.path().join("n2/log").exists(), "nothing was begun");
}
