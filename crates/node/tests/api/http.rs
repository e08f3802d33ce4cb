//! The pages over plain HTTP.

use super::support::{Served, ask, assert_line, get, put};

#[tokio::test]
async fn a_healthy_node_says_so() {
    let served = Served::start().await;
    for path in ["/health", "/health?serializable=true", "/health?exclude=NOSPACE&exclude=CORRUPT"]
    {
        let (head, body) = served.page(path).await;
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{path}: {head}");
        assert_eq!(body, r#"{"health":"true","reason":""}"#);
    }
    let (_, body) = served.page("/livez").await;
    assert_eq!(body, "ok\n");
    let (_, body) = served.page("/readyz?verbose&exclude=linearizable_read").await;
    let checks = "[+]data_corruption ok\n[+]serializable_read ok\n[+]non_learner ok\n";
    assert_eq!(body, format!("{checks}ok\n"));
    let (head, body) = served.page("/readyz/linearizable_read").await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert_eq!(body, "ok\n");
}

/// What the README tells operators is there.
#[tokio::test]
async fn the_pages_that_operators_are_told_of_are_there() {
    let readme = include_str!("../../../../README.md");
    let operate = readme.split("\n## ").find(|section| section.starts_with("Operate\n"));
    let words = operate.expect("the section is there").split('`');
    let paths = words.filter_map(|word| {
        let path = word.strip_prefix("http://HOST:2379").unwrap_or(word);
        path.starts_with('/').then_some(path)
    });
    let paths: Vec<&str> = paths.collect();
    assert_eq!(paths, ["/metrics", "/health", "/livez", "/readyz"]);
    let served = Served::start().await;
    for path in paths {
        let (head, _) = served.page(path).await;
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{path}: {head}");
    }
}

#[tokio::test]
async fn a_node_without_a_leader_is_ill_but_alive() {
    let served = Served::without_leader().await;
    let (head, body) = served.page("/health").await;
    assert!(head.starts_with("HTTP/1.1 503 Service Unavailable"), "{head}");
    assert_eq!(body, "{\"health\":\"false\",\"reason\":\"RAFT NO LEADER\"}\n");
    let (head, _) = served.page("/health?serializable=true").await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let (head, _) = served.page("/livez").await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let (head, body) = served.page("/readyz").await;
    assert!(head.starts_with("HTTP/1.1 503 Service Unavailable"), "{head}");
    let failed = "[-]linearizable_read failed: etcdserver: request timed out\n";
    assert!(body.contains(failed), "{body}");
    let text = served.text().await;
    assert_line(&text, "etcd_server_health_failures 1");
    assert_line(&text, "etcd_server_health_success 1");
    assert_line(&text, "etcd_server_has_leader 0");
}

#[tokio::test]
async fn versions_are_told() {
    let served = Served::start().await;
    let (head, body) = served.page("/version").await;
    assert!(head.contains("Content-Type: application/json"), "{head}");
    let told: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
    for name in ["etcdserver", "etcdcluster", "storage"] {
        assert_eq!(told[name], "3.6.0");
    }
    assert_eq!(told["balsa"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn metrics_are_told_by_any_version_of_http() {
    let served = Served::start().await;
    let mut kv = served.kv().await;
    kv.put(put("a", "1")).await.expect("it is written");
    kv.range(get("a")).await.expect("it is read");
    kv.range(get("")).await.expect_err("no key");
    for address in [served.address, served.metrics] {
        let (head, text) = ask(address, "GET /metrics HTTP/1.0\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.0 200 OK"), "{head}");
        assert!(head.contains("Content-Type: text/plain; version=0.0.4"), "{head}");
        let service = "grpc_service=\"etcdserverpb.KV\"";
        for line in [
            "etcd_server_has_leader 1",
            "etcd_server_is_leader 1",
            "etcd_server_leader_changes_seen_total 1",
            "etcd_debugging_mvcc_current_revision 2",
            "etcd_debugging_mvcc_keys_total 1",
            "etcd_mvcc_range_total 1",
            &format!(
                "grpc_server_started_total{{grpc_type=\"unary\",{service},grpc_method=\"Range\"}} 2"
            ),
            &format!(
                "grpc_server_handled_total{{grpc_type=\"unary\",{service},grpc_method=\"Range\",grpc_code=\"OK\"}} 1"
            ),
            &format!(
                "grpc_server_handled_total{{grpc_type=\"unary\",{service},grpc_method=\"Range\",grpc_code=\"InvalidArgument\"}} 1"
            ),
        ] {
            assert_line(&text, line);
        }
        let syncs = text.lines().find_map(|line| {
            line.strip_prefix("etcd_disk_wal_fsync_duration_seconds_count ")?.parse::<u64>().ok()
        });
        assert!(syncs.is_some_and(|syncs| syncs > 0), "{text}");
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let served = Served::start().await;
    let (head, body) = served.page("/nowhere").await;
    assert!(head.starts_with("HTTP/1.1 404 Not Found"), "{head}");
    assert_eq!(body, "404 page not found\n");
    for path in ["/health", "/version", "/metrics", "/readyz"] {
        let post = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        );
        let (head, body) = ask(served.address, &post).await;
        assert!(head.starts_with("HTTP/1.1 405 Method Not Allowed"), "{path}: {head}");
        assert!(head.contains("Allow: GET"), "{path}: {head}");
        assert_eq!(body, "Method Not Allowed\n");
    }
    let (head, _) = ask(served.metrics, "GET /version HTTP/1.0\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.0 404 Not Found"), "that socket is for metrics: {head}");
}
