//! The binary: flags, log, signals, exit codes.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use proto::etcdserverpb::kv_client::KvClient;
use rustix::process::Signal;

use super::process::{Running, balsa, run};
use super::support::{LIMIT, get, own_ip, put, until};

#[test]
fn versions_are_told() {
    let (code, out, _) = run(&["--version"]);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "etcd Version: 3.6.0");
    assert!(lines.contains(&format!("Balsa Version: {}", env!("CARGO_PKG_VERSION")).as_str()));
    let (code, out, _) = run(&["-h"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("balsa dev"), "{out}");
}

#[test]
fn what_cannot_be_followed_is_told_in_one_line() {
    for (flags, code, message) in [
        (&["--nome", "a"][..], 2, "flag provided but not defined: -nome"),
        (&["serve"], 2, "\"serve\" is not a valid flag"),
        (&["--name"], 2, "flag needs an argument: -name"),
        (&["--election-timeout", "100"], 1, "--election-timeout \"100\": it must be 5 times"),
        (&["--cert-file", "a.pem"], 1, "--cert-file \"a.pem\": TLS is not built yet"),
        (&["--auth-token=jwt,pub-key=a"], 1, "users and roles are not built yet"),
        (&["--listen-peer-urls", "https://127.0.0.1:1"], 1, "TLS is not built yet"),
        (&["--initial-cluster", "a=http://127.0.0.1:1"], 1, "does not have the member"),
        (&["--config-file", "/nowhere/a.yaml"], 1, "cannot read /nowhere/a.yaml"),
        (&["dev", "--nodes", "2"], 1, "it must be an odd number"),
        (&["dev", "--name", "a"], 2, "flag provided but not defined: -name"),
    ] {
        let (found, _, err) = run(flags);
        assert_eq!(found, Some(code), "{flags:?}: {err}");
        assert_eq!(err.lines().count(), 1, "{err}");
        assert!(err.starts_with("balsa: ") && err.contains(message), "{flags:?}: {err}");
    }
}

#[tokio::test]
async fn a_node_serves_until_it_is_told_to_stop_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = {
        let mut node = Running::node(folder.path(), &[]);
        node.ready().await;
        let mut kv =
            KvClient::connect(format!("http://{}", node.client())).await.expect("it serves");
        kv.put(put("a", "1")).await.expect("it is written");
        assert_eq!(node.page("/health").await.1, r#"{"health":"true","reason":""}"#);
        node.stop().await;
        assert!(!node.listens().await);
        node.ip
    };
    assert!(folder.path().join("n1.balsa").is_dir(), "its folder has its name");
    // Again, at the same place, with the data that it has.
    let (client, peer) = (format!("http://{ip}:2379"), format!("http://{ip}:2380"));
    let mut command = balsa();
    command
        .args(["-name=n1", "-listen-client-urls", &client, "-advertise-client-urls", &client])
        .args(["-listen-peer-urls", &peer, "-initial-advertise-peer-urls", &peer])
        .args(["-initial-cluster-state=existing"]);
    let mut node = Running::start(command, folder.path(), ip);
    node.ready().await;
    let mut kv = KvClient::connect(format!("http://{}", node.client())).await.expect("it serves");
    let found = kv.range(get("a")).await.expect("it is read").into_inner();
    assert_eq!((found.count, found.header.expect("a header").revision), (1, 2));
    node.signal(Signal::INT);
    assert_eq!(node.ended().await.code(), Some(0));
}

#[tokio::test]
async fn the_log_has_the_shape_of_etcd() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = Running::node(folder.path(), &["--max-wals", "7"]);
    node.ready().await;
    node.stop().await;
    let log = node.log();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    for line in &lines {
        let text = |name: &str| line[name].as_str().expect("it is text").to_owned();
        assert!(["debug", "info", "warn", "error"].contains(&text("level").as_str()), "{line}");
        let (file, number) = text("caller")
            .rsplit_once(':')
            .map(|(file, number)| (file.to_owned(), number.parse::<u32>()))
            .expect("file:line");
        assert!(file.ends_with(".rs") && number.is_ok(), "{line}");
        let moment = text("ts");
        assert!(moment.len() == 27 && moment.ends_with('Z') && moment.contains('T'), "{line}");
        assert!(!text("msg").is_empty(), "{line}");
    }
    let says = |message: &str| lines.iter().position(|line| line["msg"] == message);
    assert_eq!(says("--max-wals has no effect"), Some(0));
    let ready = says("ready to serve client requests").expect("it says so");
    // Other threads write lines between the two.
    let serves = |line: &&serde_json::Value| {
        let message = line["msg"].as_str();
        message.is_some_and(|message| message.starts_with("serving client traffic insecurely"))
    };
    let serving = lines[ready..].iter().find(serves).expect("it says where");
    assert_eq!(serving["address"], node.client().to_string());
    assert!(says("stopped").is_some());
}

#[tokio::test]
async fn people_get_a_log_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let flags = ["--log-format", "console", "--log-outputs", "a.log,stderr", "--log-level=warn"];
    let mut node = Running::node(folder.path(), &[&flags[..4], &["--max-wals=7"]].concat());
    node.ready().await;
    node.stop().await;
    let file = std::fs::read_to_string(folder.path().join("a.log")).expect("it is there");
    assert_eq!(file, node.log(), "each line goes to each output");
    assert!(file.contains("\tinfo\tbalsa/serve.rs:"), "{file}");
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = Running::node(folder.path(), &[&flags[4..], &["--max-wals=7"]].concat());
    until("it serves", async || node.listens().await).await;
    node.stop().await;
    let log = node.log();
    assert_eq!(log.lines().count(), 1, "only warnings are asked for: {log}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_ip();
    let taken = TcpListener::bind((ip, 2379)).expect("the address is this test's alone");
    let (client, peer) = (format!("http://{ip}:2379"), format!("http://{ip}:2380"));
    let mut command = balsa();
    command
        .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer]);
    let mut node = Running::start(command, folder.path(), ip);
    assert_eq!(node.ended().await.code(), Some(1));
    let line = node.log();
    assert!(line.contains(&format!("cannot listen for clients on {ip}:2379: ")), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    drop(taken);
}

#[tokio::test]
async fn an_empty_member_joins_nobody_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = Running::node(folder.path(), &["--initial-cluster-state", "existing"]);
    assert_eq!(node.ended().await.code(), Some(1));
    assert!(node.log().contains("no other member is given"), "{}", node.log());
}

#[tokio::test]
async fn the_environment_and_a_file_are_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_ip();
    let urls = format!(
        "listen-client-urls: http://{ip}:2379\nadvertise-client-urls: http://{ip}:2379\n\
         listen-peer-urls: http://{ip}:2380\nname: filed\n"
    );
    std::fs::write(folder.path().join("balsa.yaml"), urls).expect("a file");
    let mut command = balsa();
    command.env("ETCD_CONFIG_FILE", "balsa.yaml").env("ETCD_NAME", "ignored");
    let mut node = Running::start(command, folder.path(), ip);
    node.ready().await;
    assert!(folder.path().join("filed.balsa").is_dir());
    node.stop().await;
}

#[tokio::test]
async fn systemd_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("the path is free");
    socket.set_read_timeout(Some(LIMIT)).expect("a time above 0");
    let ip = own_ip();
    let (client, peer) = (format!("http://{ip}:2379"), format!("http://{ip}:2380"));
    let mut command = balsa();
    command
        .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer])
        .env("NOTIFY_SOCKET", &path);
    let mut node = Running::start(command, folder.path(), ip);
    let mut buffer = [0; 64];
    let mut told = || {
        let length = socket.recv(&mut buffer).expect("it tells");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert_eq!(told(), "READY=1");
    assert!(node.log().contains("ready to serve client requests"), "{}", node.log());
    node.stop().await;
    assert_eq!(told(), "STOPPING=1");
}

#[tokio::test]
async fn it_stops_with_its_standard_input_if_asked_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_ip();
    let (client, peer) = (format!("http://{ip}:2379"), format!("http://{ip}:2380"));
    let mut command = balsa();
    command
        .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer, "--stop-with-stdin"])
        .stdin(Stdio::piped());
    let mut node = Running::start(command, folder.path(), ip);
    node.ready().await;
    drop(node.child().stdin.take());
    assert_eq!(node.ended().await.code(), Some(0));
    assert!(node.log().contains("standard input ended"), "{}", node.log());
}

#[tokio::test]
async fn a_leader_that_is_told_to_stop_hands_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let ips = [own_ip(), own_ip(), own_ip()];
    let members: Vec<String> =
        ips.iter().zip(1..).map(|(ip, number)| format!("n{number}=http://{ip}:2380")).collect();
    let members = members.join(",");
    let start = |(ip, number): (&Ipv4Addr, i32)| {
        let (client, peer) = (format!("http://{ip}:2379"), format!("http://{ip}:2380"));
        let home = folder.path().join(number.to_string());
        std::fs::create_dir(&home).expect("a folder");
        let mut command = balsa();
        command
            .args(["--name", &format!("n{number}"), "--initial-cluster", &members])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        Running::start(command, &home, *ip)
    };
    let mut nodes: Vec<Running> = ips.iter().zip(1..).map(start).collect();
    for node in &mut nodes {
        node.ready().await;
    }
    let leads = async |node: &Running| {
        node.page("/metrics").await.1.contains("\netcd_server_is_leader 1\n")
    };
    let (_, text) = nodes[0].page("/metrics").await;
    let received = text.lines().filter(|line| {
        line.starts_with("etcd_network_peer_received_bytes_total{From=") && !line.ends_with(" 0")
    });
    assert!(received.count() >= 1, "the leader at least is heard\n{text}");
    let mut leader = None;
    for (index, node) in nodes.iter().enumerate() {
        if leads(node).await {
            leader = Some(index);
        }
    }
    let mut old = nodes.swap_remove(leader.expect("one of them leads"));
    old.stop().await;
    assert!(old.log().contains("leadership handed over"), "{}", old.log());
    assert!(leads(&nodes[0]).await || leads(&nodes[1]).await, "at once, without an election");
    let mut kv =
        KvClient::connect(format!("http://{}", nodes[0].client())).await.expect("it serves");
    kv.put(put("a", "1")).await.expect("the others go on");
}

#[tokio::test]
async fn a_disk_that_fails_ends_the_node_with_a_code_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_ip();
    let (client, peer) = (format!("http://{ip}:2379"), format!("http://{ip}:2380"));
    let mut command = Command::new("sh");
    // Beyond the largest size of a file a write fails, if the signal is not heard.
    command
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_balsa")])
        .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer]);
    let mut node = Running::start(command, folder.path(), ip);
    node.ready().await;
    let process = rustix::process::Pid::from_child(node.child());
    let nothing = rustix::process::Rlimit { current: Some(1), maximum: Some(1) };
    let resource = rustix::process::Resource::Fsize;
    rustix::process::prlimit(Some(process), resource, nothing).expect("the child is there");
    let mut kv = KvClient::connect(client).await.expect("it serves");
    let refused = kv.put(put("a", "1")).await.expect_err("it cannot be made durable");
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused}");
    assert_eq!(node.ended().await.code(), Some(74));
}

#[tokio::test]
async fn a_member_alone_waits_for_the_others_and_stops_meanwhile() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_ip();
    let (client, peer) = (format!("http://{ip}:2379"), format!("http://{ip}:2380"));
    let members = format!("a={peer},b=http://{ip}:2381,c=http://{ip}:2382");
    let mut command = balsa();
    command
        .args(["--name", "a", "--listen-client-urls", &client, "--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
        .args(["--initial-cluster", &members]);
    let mut node = Running::start(command, folder.path(), ip);
    until("it serves", async || node.listens().await).await;
    let (head, body) = node.page("/health").await;
    assert!(head.contains("503") && body.contains("RAFT NO LEADER"), "{head} {body}");
    assert!(!node.log().contains("ready to serve"), "{}", node.log());
    tokio::time::timeout(Duration::from_secs(8), node.stop()).await.expect("it stops");
}

/// A process that exits while a thread of its own closes the state is aborted: so the
/// moments are spread over the start and what follows.
#[tokio::test]
async fn a_node_that_is_stopped_at_any_moment_ends_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    for step in 0..40 {
        let mut node = Running::node(folder.path(), &[]);
        let moment = Duration::from_millis(3 * step);
        tokio::time::sleep(moment).await;
        node.signal(Signal::TERM);
        let ended = tokio::time::timeout(Duration::from_secs(20), node.ended()).await;
        let status = ended.unwrap_or_else(|_| panic!("asked after {moment:?} it goes on"));
        // Before it listens to signals the system ends it.
        let is_in_order = status.success() || status.signal() == Some(SIGTERM);
        assert!(is_in_order, "asked after {moment:?}: {status}\n{}", node.log());
    }
}

/// The system's number.
const SIGTERM: i32 = 15;
