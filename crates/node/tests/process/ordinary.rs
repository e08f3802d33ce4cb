//! What a cluster does when nobody harms it.

use proto::etcdserverpb::{PutRequest, RangeRequest};

use super::harness::{LIMIT, Load, ONE_CALL, Town};

/// One leads, in one term, and all know who.
#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_elect_one_leader() {
    let mut town = Town::start(3, &[]).await;
    town.wait_leader().await;
    let leader = town
        .until("all nodes agree on leader and term", LIMIT, async |cluster| {
            let mut opinions = Vec::new();
            for node in 0..cluster.size() {
                let status = cluster.status(node).await?;
                opinions.push((status.leader, status.raft_term));
            }
            let agreed = opinions.iter().all(|opinion| *opinion == opinions[0]);
            Ok((agreed && opinions[0].0 != 0).then_some(opinions[0]))
        })
        .await
        .expect("they agree");
    let mut names = Vec::new();
    for node in 0..3 {
        let status = town.status(node).await.expect("nodes answer");
        names.push(status.header.expect("has a header").member_id);
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 3, "the members' ids differ");
    assert!(names.contains(&leader.0), "the leader is one of them");
}

/// A write is taken and read on any node; whoever took it reads it at once, by
/// linearizable and serializable reads; the others read it linearizably at once.
#[tokio::test(flavor = "multi_thread")]
async fn any_node_writes_and_reads() {
    let mut town = Town::start(3, &[]).await;
    let leader = town.wait_leader().await;
    for writer in 0..3 {
        let (key, value) = (format!("key {writer}"), format!("written on {writer}"));
        let put = PutRequest {
            key: key.clone().into(),
            value: value.clone().into(),
            ..PutRequest::default()
        };
        let written = town.connection(writer).put(put, ONE_CALL).await;
        let written = written.unwrap_or_else(|status| {
            panic!("node {writer} refused a write while {leader} leads: {status}")
        });
        let revision = written.header.expect("has a header").revision;
        let reads = (0..3).map(|reader| (reader, false)).chain([(writer, true)]);
        for (reader, serializable) in reads {
            let get =
                RangeRequest { key: key.clone().into(), serializable, ..RangeRequest::default() };
            let read = town.connection(reader).range(get, ONE_CALL).await;
            let read =
                read.unwrap_or_else(|status| panic!("node {reader} does not read: {status}"));
            assert_eq!(read.kvs.len(), 1, "{key} on node {reader}");
            assert_eq!(read.kvs[0].value, value);
            assert_eq!(read.kvs[0].mod_revision, revision);
            assert!(read.header.expect("has a header").revision >= revision);
        }
    }
}

/// What clients on all nodes write is the same on all nodes.
#[tokio::test(flavor = "multi_thread")]
async fn writes_reach_every_node() {
    let mut town = Town::start(3, &[]).await;
    let load = Load::start("all", &town.endpoints(), 8);
    load.wait_for(2_000).await;
    let record = load.stop().await;
    assert_eq!(record.unknown(), 0, "nothing fails where nothing is harmed");
    town.verify(&record).await;
}

/// SIGTERM ends each node soon, with 0, and the next start finds everything.
#[tokio::test(flavor = "multi_thread")]
async fn stopped_nodes_come_back_with_their_data() {
    let mut town = Town::start(3, &[]).await;
    let load = Load::start("before", &town.endpoints(), 8);
    load.wait_for(1_000).await;
    let mut record = load.stop().await;
    for node in 0..3 {
        let status = town.process(node).stop(LIMIT).expect("stops");
        assert!(status.success(), "node {node} ended with {status}");
    }
    town.start_all().await;
    let load = Load::start("after", &town.endpoints(), 8);
    load.wait_for(1_000).await;
    record.join(load.stop().await);
    town.verify(&record).await;
}
