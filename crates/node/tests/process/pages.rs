//! The pages that tell how a node is are those of etcd: the same requests are sent to
//! nodes of etcd and of Balsa, and status, headers and body must agree.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use bench::process::loopback;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::harness::{LIMIT, Single, Town, balsa, etcd_tools};

/// The headers that are compared, where they are.
const HEADERS: [&str; 4] = ["content-type", "allow", "x-content-type-options", "content-length"];

/// The checks behind `/livez` and `/readyz`, and one that is none.
const CHECKS: [&str; 5] =
    ["data_corruption", "serializable_read", "linearizable_read", "non_learner", "nope"];

/// What a node answers.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    status: u16,
    headers: BTreeMap<String, String>,
    /// The lines in order: etcd makes its checks in any.
    lines: Vec<String>,
}

#[tokio::test]
async fn the_pages_of_a_healthy_node_are_those_of_etcd() {
    let endpoint = format!("{}:2379", loopback());
    let requests = requests();
    let mut pages = Vec::new();
    for program in [etcd_tools().join("etcd"), balsa()] {
        let _node = Single::start(&program, &endpoint).await;
        pages.push(ask_all(&endpoint, &requests).await);
    }
    compare(&requests, &pages);
}

/// Two of three nodes are gone: nobody leads, and the last one says so.
#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_node_without_a_quorum_are_those_of_etcd() {
    let requests: Vec<String> = [
        "/health",
        "/health?serializable=true",
        "/livez",
        "/livez?verbose",
        "/readyz",
        "/readyz?exclude=linearizable_read",
        "/readyz/linearizable_read",
        "/readyz/linearizable_read?exclude=linearizable_read",
        "/readyz/serializable_read",
        "/readyz/data_corruption",
        "/readyz/non_learner",
    ]
    .map(|path| format!("GET {path}"))
    .into();
    let mut pages = Vec::new();
    for program in [etcd_tools().join("etcd"), balsa()] {
        pages.push(ask_the_last(&program, &requests).await);
    }
    compare(&requests, &pages);
}

/// Asks the only node of three that is left.
async fn ask_the_last(program: &Path, requests: &[String]) -> Vec<Page> {
    let flags = ["--heartbeat-interval", "20", "--election-timeout", "200"];
    let mut town = Town::start_on(program, 3, &flags).await;
    let leader = town.wait_leader().await;
    let last = town.others(leader)[0];
    for node in town.others(last) {
        town.kill_node(node);
    }
    let endpoint = town.endpoints().swap_remove(last);
    let began = Instant::now();
    while ask(&endpoint, "GET /health").await.lines
        != [r#"{"health":"false","reason":"RAFT NO LEADER"}"#]
    {
        assert!(began.elapsed() < LIMIT, "it never finds that nobody leads");
    }
    ask_all(&endpoint, requests).await
}

fn requests() -> Vec<String> {
    let mut paths = Vec::new();
    for words in [
        "",
        "?serializable=true",
        "?serializable=false",
        "?serializable",
        "?serializable=TRUE",
        "?serializable=false&serializable=true",
        "?exclude=NOSPACE",
        "?exclude=",
        "?exclude",
        "?exclude=NOSPACE&exclude=CORRUPT",
        "?exclude=nope",
        "?exclude=%4eOSPACE",
        "?%zz",
        "/",
        "z",
    ] {
        paths.push(format!("/health{words}"));
    }
    for page in ["/livez", "/readyz"] {
        for words in [
            "",
            "?verbose",
            "?verbose=false",
            "?verbose&verbose",
            "?exclude=nope&verbose",
            "?exclude=serializable_read&verbose",
            "?exclude=serializable_read&exclude=linearizable_read&verbose",
            "?allowlist=serializable_read&verbose",
            "?exclude=serializable_read,linearizable_read&verbose",
            "/",
            "/?verbose",
        ] {
            paths.push(format!("{page}{words}"));
        }
        for check in CHECKS {
            paths.push(format!("{page}/{check}"));
            paths.push(format!("{page}/{check}?verbose"));
            paths.push(format!("{page}/{check}?verbose&exclude={check}"));
            paths.push(format!("{page}/{check}/more"));
        }
    }
    paths.push("/nowhere".to_owned());
    let mut requests: Vec<String> = paths.iter().map(|path| format!("GET {path}")).collect();
    for page in ["/health", "/livez", "/readyz", "/livez/serializable_read", "/nowhere"] {
        // Not OPTIONS: etcd lets the pages of other sites read its own, Balsa does not.
        for method in ["POST", "PUT", "HEAD", "DELETE", "NOPE"] {
            requests.push(format!("{method} {page}"));
        }
    }
    requests
}

#[track_caller]
fn compare(requests: &[String], pages: &[Vec<Page>]) {
    let [of_etcd, of_balsa] = pages else { panic!("two programs are asked") };
    let answers = requests.iter().zip(of_etcd.iter().zip(of_balsa));
    let wrong = answers.filter(|(_, (etcd, balsa))| etcd != balsa);
    let wrong: Vec<String> = wrong
        .map(|(request, (etcd, balsa))| format!("{request}\n   etcd: {etcd:?}\n  balsa: {balsa:?}"))
        .collect();
    println!("{} requests", requests.len());
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        requests.len(),
        wrong.join("\n")
    );
}

async fn ask_all(endpoint: &str, requests: &[String]) -> Vec<Page> {
    let mut pages = Vec::new();
    for request in requests {
        pages.push(ask(endpoint, request).await);
    }
    pages
}

async fn ask(endpoint: &str, request: &str) -> Page {
    let asked = async {
        let mut stream = TcpStream::connect(endpoint).await?;
        let head = format!("{request} HTTP/1.1\r\nHost: {endpoint}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<String, std::io::Error>(answer)
    };
    // Without a quorum etcd takes its time.
    let answer = timeout(LIMIT, asked).await;
    let answer = answer.unwrap_or_else(|_| panic!("{request}: no answer"));
    let answer = answer.unwrap_or_else(|error| panic!("{request}: {error}"));
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let (status, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = status.split(' ').nth(1).and_then(|status| status.parse().ok());
    let headers = headers.lines().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let mut lines: Vec<String> = body.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    Page {
        status: status.expect("a status"),
        headers: headers.filter(|(name, _)| HEADERS.contains(&name.as_str())).collect(),
        lines,
    }
}
