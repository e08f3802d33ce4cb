//! The gRPC services: what they answer, and with which header.

use proto::etcdserverpb as wire;
use proto::etcdserverpb::cluster_client::ClusterClient;
use proto::etcdserverpb::lease_client::LeaseClient;
use proto::etcdserverpb::maintenance_client::MaintenanceClient;
use proto::etcdserverpb::watch_client::WatchClient;
use tonic::{Code, Request, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1 as reflection;
use wire::request_op::Request as Op;

use super::support::{Served, assert_line, get, op, put};

#[tokio::test]
async fn keys_are_written_read_and_deleted() {
    let served = Served::start().await;
    let mut kv = served.kv().await;
    let answer = kv.put(put("a", "1")).await.expect("it is written").into_inner();
    let header = answer.header.expect("it has a header");
    assert_eq!(
        (header.cluster_id, header.member_id),
        (0xcdf8_1819_4e3a_8c32, 0x8e9e_05c5_2164_694d)
    );
    assert_eq!(header.revision, 2);
    assert!(header.raft_term > 0);
    let again = wire::PutRequest { prev_kv: true, ..put("a", "2") };
    let answer = kv.put(again).await.expect("it is written").into_inner();
    assert_eq!(answer.prev_kv.expect("it was there").value, "1");
    for serializable in [false, true] {
        let request = wire::RangeRequest { serializable, ..get("a") };
        let answer = kv.range(request).await.expect("it is read").into_inner();
        assert_eq!((answer.count, answer.more), (1, false));
        let [found] = answer.kvs.as_slice() else { panic!("one key") };
        assert_eq!(
            (found.value.as_ref(), found.create_revision, found.mod_revision),
            (&b"2"[..], 2, 3)
        );
        assert_eq!((found.version, answer.header.expect("a header").revision), (2, 3));
    }
    let old = wire::RangeRequest { revision: 2, ..get("a") };
    let answer = kv.range(old).await.expect("it is read").into_inner();
    assert_eq!(answer.kvs[0].value, "1");
    assert_eq!(answer.header.expect("a header").revision, 3, "that of the store");
    let delete = wire::DeleteRangeRequest { key: "a".into(), prev_kv: true, ..Default::default() };
    let answer = kv.delete_range(delete.clone()).await.expect("it is deleted").into_inner();
    assert_eq!((answer.deleted, answer.prev_kvs.len()), (1, 1));
    let answer = kv.delete_range(delete).await.expect("nothing is deleted").into_inner();
    assert_eq!((answer.deleted, answer.header.expect("a header").revision), (0, 4));
}

#[tokio::test]
async fn a_transaction_is_answered_step_by_step() {
    let served = Served::start().await;
    let mut kv = served.kv().await;
    let is_new = wire::Compare {
        key: "a".into(),
        target: wire::compare::CompareTarget::Create as i32,
        target_union: Some(wire::compare::TargetUnion::CreateRevision(0)),
        ..Default::default()
    };
    let inner =
        wire::TxnRequest { success: vec![op(Op::RequestPut(put("b", "2")))], ..Default::default() };
    let txn = wire::TxnRequest {
        compare: vec![is_new],
        success: vec![op(Op::RequestPut(put("a", "1"))), op(Op::RequestTxn(inner))],
        failure: vec![op(Op::RequestRange(get("a")))],
    };
    let answer = kv.txn(txn.clone()).await.expect("it is done").into_inner();
    assert!(answer.succeeded);
    assert_eq!(answer.responses.len(), 2);
    assert_eq!(answer.header.expect("a header").revision, 2);
    let answer = kv.txn(txn).await.expect("it is done").into_inner();
    assert!(!answer.succeeded);
    let Some(wire::response_op::Response::ResponseRange(range)) = &answer.responses[0].response
    else {
        panic!("the other branch reads")
    };
    assert_eq!(range.kvs[0].value, "1");
    assert_eq!(range.header.expect("a header").cluster_id, 0, "a step has the revision alone");
}

#[tokio::test]
async fn history_is_given_up() {
    let served = Served::start().await;
    let mut kv = served.kv().await;
    for value in ["1", "2", "3"] {
        kv.put(put("a", value)).await.expect("it is written");
    }
    let compact = |revision| wire::CompactionRequest { revision, physical: true };
    let answer = kv.compact(compact(3)).await.expect("it is compacted").into_inner();
    assert_eq!(answer.header.expect("a header").revision, 4);
    let compacted = "etcdserver: mvcc: required revision has been compacted";
    let future = "etcdserver: mvcc: required revision is a future revision";
    for (revision, message) in [(3, compacted), (9, future)] {
        let refused = kv.compact(compact(revision)).await.expect_err("it cannot be done");
        assert_eq!((refused.code(), refused.message()), (Code::OutOfRange, message));
    }
    let old = wire::RangeRequest { revision: 2, ..get("a") };
    let refused = kv.range(old).await.expect_err("it is gone");
    assert_eq!((refused.code(), refused.message()), (Code::OutOfRange, compacted));
}

#[tokio::test]
async fn wrong_requests_get_the_errors_of_etcd() {
    let served = Served::start().await;
    let mut kv = served.kv().await;
    let mut refused = Vec::new();
    refused.push((kv.range(get("")).await.expect_err("no key"), "key is not provided"));
    refused.push((kv.put(put("", "")).await.expect_err("no key"), "key is not provided"));
    let unknown = wire::RangeRequest { sort_order: 7, ..get("a") };
    refused.push((kv.range(unknown).await.expect_err("no such order"), "invalid sort option"));
    let valued = wire::PutRequest { ignore_value: true, ..put("a", "1") };
    refused.push((kv.put(valued).await.expect_err("a value"), "value is provided"));
    let leased = wire::PutRequest { ignore_lease: true, lease: 1, ..put("a", "1") };
    refused.push((kv.put(leased).await.expect_err("a lease"), "lease is provided"));
    let missing = wire::PutRequest { ignore_value: true, ..put("nowhere", "") };
    refused.push((kv.put(missing).await.expect_err("no such key"), "key not found"));
    let twice = op(Op::RequestPut(put("a", "1")));
    let twice = wire::TxnRequest { success: vec![twice.clone(), twice], ..Default::default() };
    let message = "duplicate key given in txn request";
    refused.push((kv.txn(twice).await.expect_err("one key twice"), message));
    for (status, message) in refused {
        assert_eq!(status.message(), format!("etcdserver: {message}"));
        assert_eq!(status.code(), Code::InvalidArgument, "{message}");
    }
    let leased = wire::PutRequest { lease: 7, ..put("a", "1") };
    let refused = kv.put(leased).await.expect_err("no such lease");
    assert_eq!(refused.message(), "etcdserver: requested lease not found");
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn operators_are_told_how_the_node_is() {
    let served = Served::start().await;
    served.client.put("a", "1").await.expect("it is written");
    let mut maintenance = MaintenanceClient::new(served.channel().await);
    let status = maintenance.status(wire::StatusRequest {}).await.expect("it tells").into_inner();
    assert_eq!((status.version.as_str(), status.storage_version.as_str()), ("3.6.0", "3.6.0"));
    assert_eq!(status.leader, 0x8e9e_05c5_2164_694d);
    assert_eq!(status.header.expect("a header").revision, 2);
    assert!(status.raft_index >= status.raft_applied_index && status.raft_applied_index > 0);
    assert_eq!((status.errors.len(), status.db_size_quota), (0, -1));
    let hash = wire::HashKvRequest { revision: 0 };
    let hash = maintenance.hash_kv(hash).await.expect("it tells").into_inner();
    assert_eq!((hash.hash_revision, hash.compact_revision), (2, -1));
    let alarms = wire::AlarmRequest::default();
    let alarms = maintenance.alarm(alarms).await.expect("it tells").into_inner();
    assert!(alarms.alarms.is_empty());
    assert_eq!(alarms.header.expect("a header").revision, 2);
}

#[tokio::test]
async fn alarms_are_raised_listed_and_lifted() {
    let served = Served::start().await;
    let mut kv = served.kv().await;
    let mut maintenance = MaintenanceClient::new(served.channel().await);
    let mut ask = async |action: i32, alarm: i32, member_id: u64| {
        let request = wire::AlarmRequest { action, alarm, member_id };
        let answer = maintenance.alarm(request).await?.into_inner();
        let alarms = answer.alarms.into_iter().map(|alarm| (alarm.member_id, alarm.alarm));
        Ok::<_, Status>(alarms.collect::<Vec<_>>())
    };
    const GET: i32 = 0;
    const RAISE: i32 = 1;
    const LIFT: i32 = 2;
    assert_eq!(ask(RAISE, 0, 7).await.expect("nothing is done"), []);
    assert_eq!(ask(RAISE, 1, 7).await.expect("it is raised"), [(7, 1)]);
    assert_eq!(ask(RAISE, 1, 7).await.expect("it is there"), [(7, 1)]);
    assert_eq!(ask(RAISE, 9, 8).await.expect("etcd takes any number"), [(8, 9)]);
    assert_eq!(ask(GET, 0, 0).await.expect("all are told"), [(7, 1), (8, 9)]);
    assert_eq!(ask(GET, 9, 0).await.expect("those of a kind are told"), [(8, 9)]);
    let refused = kv.put(put("a", "1")).await.expect_err("there is no space");
    let message = "etcdserver: mvcc: database space exceeded";
    assert_eq!((refused.code(), refused.message()), (Code::ResourceExhausted, message));
    kv.range(get("a")).await.expect("reads go on");
    kv.delete_range(wire::DeleteRangeRequest { key: "a".into(), ..Default::default() })
        .await
        .expect("deletions go on");

    let (head, body) = served.page("/health").await;
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert_eq!(body, "{\"health\":\"false\",\"reason\":\"ALARM NOSPACE\"}\n");
    let (_, body) = served.page("/health?exclude=NOSPACE").await;
    assert_eq!(body, "{\"health\":\"false\",\"reason\":\"ALARM UNKNOWN\"}\n");
    let (head, _) = served.page("/readyz").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(ask(LIFT, 9, 8).await.expect("it is lifted"), [(8, 9)]);
    assert_eq!(ask(LIFT, 9, 8).await.expect("it is gone"), []);
    let (head, _) = served.page("/health?exclude=NOSPACE").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let (_, page) = served.page("/metrics").await;
    let raised = r#"etcd_debugging_server_alarms{server_id="7",alarm_type="NOSPACE"} 1"#;
    assert_line(&page, raised);

    assert_eq!(ask(LIFT, 1, 7).await.expect("it is lifted"), [(7, 1)]);
    kv.put(put("a", "1")).await.expect("puts are taken");
    assert_eq!(ask(RAISE, 2, 7).await.expect("it is raised"), [(7, 2)]);
    let refused = kv.put(put("a", "1")).await.expect_err("data are damaged");
    let message = "etcdserver: corrupt cluster";
    assert_eq!((refused.code(), refused.message()), (Code::DataLoss, message));
    let (head, body) = served.page("/readyz/data_corruption").await;
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert_eq!(body, "[-]data_corruption failed: alarm activated: CORRUPT\n\n");
    let refused = ask(5, 1, 7).await.expect_err("there is no such action");
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn members_are_listed_with_a_header_without_revision() {
    let served = Served::start().await;
    let mut cluster = ClusterClient::new(served.channel().await);
    for linearizable in [false, true] {
        let request = wire::MemberListRequest { linearizable };
        let answer = cluster.member_list(request).await.expect("it tells").into_inner();
        let header = answer.header.expect("a header");
        assert_eq!((header.revision, header.cluster_id), (0, 0xcdf8_1819_4e3a_8c32));
        let [member] = answer.members.as_slice() else { panic!("one member") };
        assert_eq!((member.name.as_str(), member.is_learner), ("default", false));
        assert_eq!(member.peer_ur_ls, ["http://localhost:2380"]);
    }
}

#[tokio::test]
async fn space_is_given_back_without_a_header() {
    let served = Served::start().await;
    let mut maintenance = MaintenanceClient::new(served.channel().await);
    let done = maintenance.defragment(wire::DefragmentRequest {}).await.expect("it is done");
    assert_eq!(done.into_inner().header, None);
}

#[tokio::test]
async fn what_is_not_built_says_so_at_once() {
    let served = Served::start().await;
    let channel = served.channel().await;
    let mut refused = Vec::new();
    let mut maintenance = MaintenanceClient::new(channel.clone());
    refused.push(maintenance.snapshot(wire::SnapshotRequest {}).await.err());
    let mut lease = LeaseClient::new(channel.clone());
    refused.push(lease.lease_grant(wire::LeaseGrantRequest::default()).await.err());
    let mut watch = WatchClient::new(channel);
    refused.push(watch.watch(futures_of(wire::WatchRequest::default())).await.err());
    for refused in refused {
        let refused = refused.expect("it is not built");
        assert_eq!(refused.code(), Code::Unimplemented);
        assert!(refused.message().contains("is not served by this version"), "{refused}");
    }
}

#[tokio::test]
async fn without_a_leader_only_what_needs_none_is_served() {
    let served = Served::without_leader().await;
    let mut kv = served.kv().await;
    let mut wanting = Request::new(wire::RangeRequest { serializable: true, ..get("a") });
    wanting.metadata_mut().insert("hasleader", "true".parse().expect("a metadata value"));
    let refused = kv.range(wanting).await.expect_err("nobody leads");
    assert_eq!((refused.code(), refused.message()), (Code::Unavailable, "etcdserver: no leader"));
    let stale = wire::RangeRequest { serializable: true, ..get("a") };
    assert_eq!(kv.range(stale).await.expect("it reads what it has").into_inner().count, 0);
    let refused = kv.range(get("a")).await.expect_err("nobody leads");
    let timed_out = (Code::Unavailable, "etcdserver: request timed out");
    assert_eq!((refused.code(), refused.message()), timed_out);
    let refused = kv.put(put("a", "1")).await.expect_err("nobody leads");
    assert_eq!((refused.code(), refused.message()), timed_out);
    let mut maintenance = MaintenanceClient::new(served.channel().await);
    let status = maintenance.status(wire::StatusRequest {}).await.expect("it tells").into_inner();
    assert_eq!((status.leader, status.errors), (0, vec!["etcdserver: no leader".to_owned()]));
}

#[tokio::test]
async fn the_health_of_grpc_is_told() {
    let served = Served::start().await;
    let mut health = HealthClient::new(served.channel().await);
    let all = tonic_health::pb::HealthCheckRequest { service: String::new() };
    let answer = health.check(all).await.expect("it tells").into_inner();
    assert_eq!(answer.status(), ServingStatus::Serving);
    let unknown = tonic_health::pb::HealthCheckRequest { service: "nobody".to_owned() };
    let refused = health.check(unknown).await.expect_err("there is no such service");
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn reflection_lists_what_is_served() {
    use reflection::server_reflection_request::MessageRequest;
    use reflection::server_reflection_response::MessageResponse;
    let served = Served::start().await;
    let mut client =
        reflection::server_reflection_client::ServerReflectionClient::new(served.channel().await);
    let request = reflection::ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let answers = client.server_reflection_info(futures_of(request)).await;
    let answer = answers.expect("it tells").into_inner().message().await.expect("an answer");
    let Some(MessageResponse::ListServicesResponse(list)) =
        answer.and_then(|answer| answer.message_response)
    else {
        panic!("a list of services")
    };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"etcdserverpb.KV".to_owned()), "{names:?}");
    assert!(
        !names.iter().any(|name| name.contains("Watch") || name.contains("balsa")),
        "{names:?}"
    );
}

/// A stream with one request in it.
fn futures_of<T: Send + 'static>(request: T) -> impl tonic::IntoStreamingRequest<Message = T> {
    tonic::codegen::tokio_stream::once(request)
}
