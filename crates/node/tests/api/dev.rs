//! A cluster on one machine, by one command.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;

use proto::etcdserverpb::kv_client::KvClient;
use rustix::process::{Pid, Signal, kill_process};

use super::process::{Running, balsa, run};
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
    let home = folder.path().join("balsa-dev");
    std::fs::create_dir(&home).expect("a folder");
    let flags = format!("--nodes 1 --host {ip} --base-port 2379\n");
    std::fs::write(home.join("cluster"), flags).expect("a file");
    std::fs::write(home.join("n1.log"), "a line of long ago\n").expect("a file");
    std::fs::write(home.join("n1"), "no folder").expect("a file");
    let mut cluster = dev(folder.path(), ip, &["--nodes=1"]);
    assert_eq!(cluster.ended().await.code(), Some(1));
    let log = cluster.log();
    assert!(log.starts_with("balsa dev: n1 ended (exit status: 1)"), "{log}");
    assert!(log.contains("the node does not start"), "{log}");
    assert!(!log.contains("a line of long ago"), "{log}");
}

#[tokio::test]
async fn a_node_that_ends_is_told_with_its_last_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_ip();
    let mut command = balsa();
    command.args(["dev", "--nodes=1", "--host", &ip.to_string()]).stdout(Stdio::piped());
    let mut cluster = Running::start(command, folder.path(), ip);
    let out = cluster.child().stdout.take().expect("it is a pipe");
    let mut lines = BufReader::new(out).lines().map(|line| line.expect("it writes text"));
    let process = lines.by_ref().find_map(|line| {
        let (_, process) = line.split_once("process ")?;
        process.split(' ').next()?.parse().ok().and_then(Pid::from_raw)
    });
    kill_process(process.expect("it is told"), Signal::KILL).expect("it runs");
    let told = lines.collect::<Vec<_>>().join("\n");
    assert!(told.contains("n1 ended (signal: 9 (SIGKILL)). To start it again:"), "{told}");
    assert!(told.contains("ready to serve client requests"), "{told}");
    assert_eq!(cluster.ended().await.code(), Some(1));
    assert_eq!(cluster.log(), "balsa dev: all nodes have ended\n");
}

#[tokio::test]
async fn a_port_that_somebody_else_has_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_ip();
    let taken = std::net::TcpListener::bind((ip, 2380)).expect("the address is this test's alone");
    let mut cluster = dev(folder.path(), ip, &["--nodes=1"]);
    assert_eq!(cluster.ended().await.code(), Some(1));
    let log = cluster.log();
    assert!(log.starts_with(&format!("balsa dev: cannot listen at {ip}:2380: ")), "{log}");
    assert!(log.contains("--base-port"), "{log}");
    drop(taken);
}

#[tokio::test]
async fn a_second_cluster_does_not_pass_for_the_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_ip();
    let first_home = folder.path().join("first");
    std::fs::create_dir(&first_home).expect("a folder");
    let data = folder.path().join("data").display().to_string();
    let mut first = dev(&first_home, ip, &["--nodes=1", "--data-dir", &data]);
    until("it serves", async || first.listens().await).await;

    let mut second = dev(folder.path(), ip, &["--nodes=1", "--data-dir", &data]);
    assert_eq!(second.ended().await.code(), Some(1));
    let process = first.child().id();
    let words = format!("/data already (process {process}); stop it, or start this one");
    assert!(second.log().contains(&words), "{}", second.log());

    // In a folder of its own it is in the way of the first one's ports.
    let mut third = dev(folder.path(), ip, &["--nodes=1"]);
    assert_eq!(third.ended().await.code(), Some(1));
    assert!(third.log().contains(&format!("cannot listen at {ip}:2379")), "{}", third.log());
    first.stop().await;
}

#[tokio::test]
async fn a_folder_with_other_addresses_is_told_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_ip();
    let mut first = dev(folder.path(), ip, &["--nodes=1"]);
    until("it serves", async || first.listens().await).await;
    first.stop().await;
    let mut other = dev(folder.path(), ip, &["--nodes=1", "--base-port=3379"]);
    assert_eq!(other.ended().await.code(), Some(1));
    let command = format!("balsa dev --nodes 1 --host {ip} --base-port 2379 --data-dir ");
    assert!(other.log().contains(&command), "{}", other.log());
}

#[tokio::test]
async fn a_command_that_was_killed_can_be_given_again_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_ip();
    let mut first = dev(folder.path(), ip, &["--nodes=3"]);
    until("it serves", async || served(folder.path()) == 3).await;
    first.child().kill().expect("it runs");
    first.ended().await;

    let mut second = dev(folder.path(), ip, &["--nodes=3"]);
    until("it serves again", async || {
        let ended = second.child().try_wait().expect("it can be looked at");
        assert!(ended.is_none(), "{}", second.log());
        served(folder.path()) == 6
    })
    .await;
    second.stop().await;
    for log in logs(folder.path()) {
        // Nobody asks them again and again, and nobody is left to hand over to.
        assert!(!log.contains("health check failed"), "{log}");
        assert!(!log.contains("leadership not handed over"), "{log}");
        assert_eq!(log.matches("\"msg\":\"stopped\"").count(), 2, "{log}");
    }
}

#[test]
fn its_flags_are_told() {
    let (code, out, _) = run(&["dev", "--help"]);
    assert_eq!(code, Some(0));
    for words in ["balsa dev [flags]", "--nodes", "--base-port", "(2379)", "--data-dir", "Ctrl-C"] {
        assert!(out.contains(words), "{words}: {out}");
    }
    assert!(!out.contains("--initial-cluster"), "{out}");
}

/// A cluster in the folder, at an address of its own.
fn dev(folder: &Path, ip: Ipv4Addr, flags: &[&str]) -> Running {
    let mut command = balsa();
    command.args(["dev", "--host", &ip.to_string()]).args(flags).stdout(Stdio::null());
    Running::start(command, folder, ip)
}

/// The logs of three nodes.
fn logs(folder: &Path) -> Vec<String> {
    let read = |name| std::fs::read_to_string(folder.join("balsa-dev").join(name));
    ["n1.log", "n2.log", "n3.log"].map(|name| read(name).unwrap_or_default()).into()
}

/// How often nodes have told that they serve.
fn served(folder: &Path) -> usize {
    logs(folder).iter().map(|log| log.matches("ready to serve client requests").count()).sum()
}
