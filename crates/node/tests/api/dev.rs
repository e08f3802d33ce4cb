//! A cluster on one machine, by one command.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;

use proto::etcdserverpb::kv_client::KvClient;

use super::process::{Running, balsa};
use super::support::{get, own_ip, put, until};

#[tokio::test]
async fn three_nodes_serve_until_the_command_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_ip();
    let mut command = balsa();
    command.args(["dev", "--nodes", "3", "--host", &ip.to_string()]).stdout(Stdio::piped());
    let mut cluster = Running::start(command, folder.path(), ip);
    let out = cluster.child().stdout.take().expect("it is a pipe");
    let mut lines = BufReader::new(out).lines().map(|line| line.expect("it writes text"));
    let told: Vec<String> = lines.by_ref().take_while(|line| !line.contains("Ctrl-C")).collect();
    let told = told.join("\n");
    let ports = [2379, 2389, 2399];
    for port in ports {
        assert!(told.contains(&format!("http://{ip}:{port}")), "{told}");
    }
    let endpoints = ports.map(|port| format!("{ip}:{port}")).join(",");
    assert!(told.contains(&format!("kvctl --endpoints {endpoints} put")), "{told}");

    // What one node takes, another shows.
    let mut kv = KvClient::connect(format!("http://{ip}:2379")).await.expect("it serves");
    kv.put(put("a", "1")).await.expect("it is written");
    let mut kv = KvClient::connect(format!("http://{ip}:2399")).await.expect("it serves");
    assert_eq!(kv.range(get("a")).await.expect("it is read").into_inner().count, 1);
    for name in ["n1", "n2", "n3"] {
        assert!(folder.path().join("balsa-dev").join(name).is_dir());
    }

    cluster.stop().await;
    for port in ports {
        let address = SocketAddr::from((ip, port));
        until("the children are gone", async || {
            tokio::net::TcpStream::connect(address).await.is_err()
        })
        .await;
    }
}

#[tokio::test]
async fn the_children_do_not_outlive_a_command_that_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_ip();
    let mut command = balsa();
    command.args(["dev", "--nodes=1", "--host", &ip.to_string()]).stdout(Stdio::null());
    let mut cluster = Running::start(command, folder.path(), ip);
    until("it serves", async || cluster.listens().await).await;
    cluster.child().kill().expect("it runs");
    until("the child is gone", async || !cluster.listens().await).await;
}

#[tokio::test]
async fn a_node_that_cannot_start_ends_the_command_with_its_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_ip();
    let taken = std::net::TcpListener::bind((ip, 2379)).expect("the address is this test's alone");
    let mut command = balsa();
    command.args(["dev", "--nodes=1", "--host", &ip.to_string()]).stdout(Stdio::null());
    let mut cluster = Running::start(command, folder.path(), ip);
    assert_eq!(cluster.ended().await.code(), Some(1));
    let log = cluster.log();
    assert!(log.starts_with("balsa dev: n1 ended (exit status: 1)"), "{log}");
    assert!(log.contains("cannot listen for clients"), "{log}");
    drop(taken);
}
