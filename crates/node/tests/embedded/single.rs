//! A node that is alone.

use balsa::replica::Ending;
use balsa::{Client, Consistency, Error, Node, StartError};
use kv_statemachine::{Compare, CompareOperand, TxnRequest};
use kv_statemachine::{CompareResult, KeyRange, KvError, PutRequest, RangeRequest, RequestOp};
use tempfile::TempDir;

async fn start(folder: &TempDir) -> Node {
    let builder = Node::builder().data_dir(folder.path().join("data")).state_in_memory();
    builder.start().await.expect("the node starts")
}

fn keys(range: KeyRange) -> RangeRequest {
    RangeRequest::of(range)
}

async fn value(client: &Client, key: &'static str) -> Option<String> {
    let found = client.get(key).await.expect("the read is answered");
    found.map(|kv| String::from_utf8_lossy(&kv.value).into_owned())
}

#[tokio::test]
async fn what_was_written_is_read_and_survives_a_restart() {
    let folder = TempDir::new().unwrap();
    let node = start(&folder).await;
    let client = node.client();
    assert_eq!(client.put("a", "1").await.unwrap().revision, 2);
    assert_eq!(client.put("b", "2").await.unwrap().revision, 3);
    assert!(client.delete("a").await.unwrap());
    assert!(matches!(node.stop().await, Ending::Stopped));
    assert_eq!(client.put("c", "3").await, Err(Error::Stopped));
    drop(client);

    let node = start(&folder).await;
    let client = node.client();
    assert_eq!(value(&client, "a").await, None);
    assert_eq!(value(&client, "b").await.as_deref(), Some("2"));
    assert_eq!(client.status().revision, 4);
    // Dropped instead of stopped.
    drop((node, client));
    let node = loop {
        let builder = Node::builder().data_dir(folder.path().join("data")).state_in_memory();
        match builder.start().await {
            Ok(node) => break node,
            // The threads of the first life have not left yet.
            Err(StartError::Storage(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(value(&node.client(), "b").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn requests_are_checked_with_the_words_of_etcd() {
    let folder = TempDir::new().unwrap();
    let node = start(&folder).await;
    let client = node.client();
    assert_eq!(client.put("", "1").await, Err(Error::Request(KvError::EmptyKey)));
    let huge = client.put("a", vec![0; 2 << 20]).await.unwrap_err();
    assert_eq!(huge.to_string(), "etcdserver: request is too large");
    let future = RangeRequest { revision: 99, ..keys(KeyRange::single("a")) };
    let refused = client.range(future, Consistency::Serializable).await;
    assert_eq!(refused, Err(Error::Request(KvError::FutureRevision)));
    let many = TxnRequest {
        success: vec![RequestOp::Put(PutRequest::of("k", "v")); 129],
        ..TxnRequest::default()
    };
    let refused = client.txn(many, Consistency::Linearizable).await;
    assert_eq!(refused, Err(Error::Request(KvError::TooManyOps)));
    let status = client.status();
    assert_eq!(
        (status.header.member.0, status.header.cluster),
        (0x8e9e_05c5_2164_694d, 0xcdf8_1819_4e3a_8c32)
    );
    assert_eq!(status.revision, 1, "nothing was written");
}

#[tokio::test]
async fn transactions_compactions_and_hashes() {
    let folder = TempDir::new().unwrap();
    let node = start(&folder).await;
    let client = node.client();
    for number in 0..200 {
        client.put(format!("k{number:03}"), "v").await.unwrap();
    }
    let compare = Compare {
        range: KeyRange::single("k000"),
        result: CompareResult::Equal,
        operand: CompareOperand::Version(1),
    };
    let put = RequestOp::Put(PutRequest::of("k000", "w"));
    let txn = TxnRequest { compare: vec![compare], success: vec![put], failure: Vec::new() };
    assert!(client.txn(txn.clone(), Consistency::Linearizable).await.unwrap().succeeded);
    assert!(!client.txn(txn, Consistency::Linearizable).await.unwrap().succeeded);
    let all = keys(KeyRange::prefix("k"));
    assert_eq!(client.range(all, Consistency::Linearizable).await.unwrap().kvs.len(), 200);

    let revision = client.status().revision;
    client.compact(revision, true).await.unwrap();
    let refused = client.compact(revision, false).await;
    assert_eq!(refused, Err(Error::Request(KvError::Compacted)));
    let hash = client.hash_kv(0).await.unwrap();
    assert_eq!((hash.compact_revision, hash.hash_revision), (revision, revision));
}

#[tokio::test]
async fn a_member_tells_its_name_and_urls() {
    let folder = TempDir::new().unwrap();
    let builder = Node::builder().data_dir(folder.path().join("data")).state_in_memory();
    let node = builder.client_urls(["http://127.0.0.1:1"]).start().await.unwrap();
    let client = node.client();
    super::until("the URLs are published", async || {
        let members = client.members(Consistency::Linearizable).await.unwrap();
        assert_eq!(members[0].name, "default");
        assert_eq!(members[0].peer_urls, ["http://localhost:2380"]);
        members[0].client_urls == ["http://127.0.0.1:1"]
    })
    .await;
    assert_eq!(client.revision(), 1, "attributes raise no revision");
}

#[tokio::test]
async fn a_folder_in_use_and_settings_that_cannot_work_are_refused() {
    let folder = TempDir::new().unwrap();
    let _node = start(&folder).await;
    let builder = Node::builder().data_dir(folder.path().join("data")).state_in_memory();
    let error = builder.start().await.err().expect("the folder is in use").to_string();
    assert!(error.contains("another process uses it"), "{error}");

    let other = || Node::builder().data_dir(folder.path().join("other")).state_in_memory();
    for (builder, why) in [
        (other().founder("a", ["http://a:1"]), "\"default\" is not among the members"),
        (other().founder("default", ["https://a:1"]), "TLS between peers"),
        (other().founder("default", Vec::<String>::new()), "has no peer URL"),
        (
            other().founder("default", ["http://a:1"]).founder("b", ["http://a:1"]),
            "the same peer URLs",
        ),
        (
            other().founder("default", ["http://a:1"]).founder("b", ["http://b:1"]),
            "needs an address to listen",
        ),
    ] {
        let error = builder.start().await.err().expect(why).to_string();
        assert!(error.contains(why), "{error}");
    }
}
