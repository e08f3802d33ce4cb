//! What a node tells of itself when it starts with data.

use std::net::Ipv4Addr;
use std::path::Path;

use proto::etcdserverpb::kv_client::KvClient;
use serde_json::Value;

use super::process::{Running, balsa};
use super::support::{own_ip, put};

/// A node that is told where its peers reach it.
fn node(folder: &Path, ip: Ipv4Addr, flags: &[&str]) -> Running {
    let (client, peer) = (format!("http://{ip}:2379"), format!("http://{ip}:2380"));
    let mut command = balsa();
    command
        .args(["--name", "n1", "--listen-client-urls", &client])
        .args(["--advertise-client-urls", &client, "--listen-peer-urls", &peer])
        .args(flags);
    Running::start(command, folder, ip)
}

/// The lines of a log with this message.
fn lines(log: &str, message: &str) -> Vec<Value> {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("it is JSON"));
    lines.filter(|line| line["msg"] == message).collect()
}

#[tokio::test]
async fn flags_that_the_data_folder_overrules_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_ip();
    let peer = format!("http://{ip}:2380");
    let founded = ["--initial-advertise-peer-urls", &peer];
    let message = "a flag is ignored: the data folder says otherwise";
    // The flags that it was founded with are in force, whether it has data or not.
    for _ in 0..2 {
        let mut first = node(folder.path(), ip, &founded);
        first.ready().await;
        first.stop().await;
        assert_eq!(lines(&first.log(), message), Vec::<Value>::new());
    }

    let moved = format!("http://{ip}:2390");
    let cluster = format!("n1={moved},n2=http://{ip}:2391");
    let flags = ["--initial-advertise-peer-urls", &moved, "--initial-cluster", &cluster];
    let mut second = node(folder.path(), ip, &flags);
    second.ready().await;
    second.stop().await;
    let told = lines(&second.log(), message);
    let told: Vec<_> = told
        .iter()
        .map(|line| [&line["flag"], &line["given"], &line["in_force"], &line["level"]])
        .collect();
    let expected = [
        ["--initial-advertise-peer-urls", &moved, &peer, "warn"],
        ["--initial-cluster", &cluster, &format!("n1={peer}"), "warn"],
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (line, expected) in told.iter().zip(expected) {
        assert_eq!(*line, expected, "{told:?}");
    }

    let mut third =
        node(folder.path(), ip, &[&founded[..], &["--initial-cluster-token=new"]].concat());
    third.ready().await;
    third.stop().await;
    let told = lines(&third.log(), message);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["flag"], &told[0]["given"]),
        (&"--initial-cluster-token".into(), &"new".into())
    );
}

#[tokio::test]
async fn a_line_sums_up_what_was_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_ip();
    let (client, peer) = (format!("http://{ip}:2379"), format!("http://{ip}:2380"));
    let flags = ["--initial-advertise-peer-urls", &peer];
    let mut first = node(folder.path(), ip, &flags);
    first.ready().await;
    let mut kv = KvClient::connect(client.clone()).await.expect("it serves");
    kv.put(put("a", "1")).await.expect("it is written");
    first.stop().await;
    let first_log = first.log();
    // It writes into the same file, from its beginning.
    let mut second = node(folder.path(), ip, &flags);
    second.ready().await;
    second.stop().await;

    let number = |line: &Value, name: &str| line[name].as_u64().unwrap_or_else(|| panic!("{line}"));
    let new = lines(&first_log, "node opened").remove(0);
    let again = lines(&second.log(), "node opened").remove(0);
    for line in [&new, &again] {
        assert_eq!(line["peer_urls"], peer.as_str());
        assert_eq!(line["listens_for_peers"], format!("{ip}:2380"));
        assert_eq!(line["client_urls"], client.as_str());
        assert_eq!(number(line, "log_first"), number(&new, "log_first"));
    }
    assert!(number(&new, "log_last") < number(&new, "log_first"), "nothing was there: {new}");
    assert!(number(&again, "log_last") >= number(&again, "log_first"), "{again}");
    assert!(number(&again, "log_last") >= number(&again, "applied"), "{again}");
    // The first start elected itself in the first term, and wrote in it.
    assert_eq!((number(&again, "log_last_term"), number(&again, "term")), (1, 1), "{again}");
}
