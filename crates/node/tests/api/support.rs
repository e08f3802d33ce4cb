//! A node with a server in this process, and what asks it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use balsa::api::{Listeners, Metrics, Options, Server};
use balsa::{Client, ClientLimits, Node};
use proto::etcdserverpb as wire;
use proto::etcdserverpb::kv_client::KvClient;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

/// The longest that anything here may take.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A loopback address that is this test's alone.
pub fn own_ip() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + high % 64, low, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Waits until it is true.
pub async fn until(what: &str, mut is_true: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_true().await {
        assert!(began.elapsed() < LIMIT, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A node and its server.
pub struct Served {
    /// Where it serves clients.
    pub address: SocketAddr,
    /// Where it serves metrics.
    pub metrics: SocketAddr,
    /// The node's own client.
    pub client: Client,
    /// What ends with it, in this order.
    pub server: Server,
    pub node: Node,
    _folder: TempDir,
}

impl Served {
    /// A single node that leads.
    pub async fn start() -> Served {
        Served::with(Options::default()).await
    }

    /// A single node that leads, with other options.
    pub async fn with(options: Options) -> Served {
        let served = Served::among(1, options).await;
        served.client.ready().await.expect("a single node leads at once");
        served
    }

    /// A node of three, the others of which are never there.
    pub async fn without_leader() -> Served {
        Served::without_leader_and(Options::default()).await
    }

    /// The same with other options.
    pub async fn without_leader_and(options: Options) -> Served {
        Served::among(3, options).await
    }

    async fn among(members: usize, options: Options) -> Served {
        let ip = own_ip();
        let folder = tempfile::tempdir().expect("a folder");
        let metrics = Arc::new(Metrics::new(options.extensive_metrics));
        let mut builder = Node::builder()
            .data_dir(folder.path())
            .state_in_memory()
            .observer(Arc::clone(&metrics) as _)
            .client_limits(ClientLimits {
                request_bytes: options.request_bytes,
                txn_ops: options.txn_ops,
                // A request that cannot be done is not waited for long.
                timeout: Duration::from_secs(if members == 1 { 7 } else { 1 }),
            });
        if members > 1 {
            let names = ["default", "away", "gone"];
            for (name, port) in names.into_iter().zip([2380, 2381, 2382]) {
                builder = builder.founder(name, [format!("http://{ip}:{port}")]);
            }
            builder = builder.listen_peer(SocketAddr::from((ip, 2380)));
        }
        let node = builder.start().await.expect("the node starts");
        let bind = || TcpListener::bind((ip, 0)).expect("the address is this test's alone");
        let listeners = Listeners { clients: vec![bind()], http: vec![], metrics: vec![bind()] };
        let client = node.client();
        let server = Server::start(listeners, client.clone(), metrics, &options);
        let server = server.expect("the server starts");
        let [address, metrics] = server.addresses() else { panic!("it has two sockets") };
        let (address, metrics) = (*address, *metrics);
        Served { address, metrics, client, server, node, _folder: folder }
    }

    /// A connection to it.
    pub async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address));
        endpoint.expect("it is a URL").connect().await.expect("it listens")
    }

    /// Asks the service `KV`.
    pub async fn kv(&self) -> KvClient<Channel> {
        KvClient::new(self.channel().await)
            .max_decoding_message_size(usize::MAX)
            .max_encoding_message_size(usize::MAX)
    }

    /// Asks for a page over HTTP/1.1: the head and the body of the answer.
    pub async fn page(&self, path: &str) -> (String, String) {
        ask(self.address, &format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"))
            .await
    }

    /// The metrics.
    pub async fn text(&self) -> String {
        ask(self.metrics, "GET /metrics HTTP/1.0\r\n\r\n").await.1
    }
}

/// Sends bytes and reads until the other side closes: head and body.
pub async fn ask(address: SocketAddr, request: &str) -> (String, String) {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<String, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(LIMIT, asked).await.expect("it answers in time");
    let answer = answer.expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_owned(), body.to_owned())
}

/// A put.
pub fn put(key: &'static str, value: &'static str) -> wire::PutRequest {
    wire::PutRequest { key: key.into(), value: value.into(), ..Default::default() }
}

/// A range of one key.
pub fn get(key: &'static str) -> wire::RangeRequest {
    wire::RangeRequest { key: key.into(), ..Default::default() }
}

/// A step of a transaction.
pub fn op(request: wire::request_op::Request) -> wire::RequestOp {
    wire::RequestOp { request: Some(request) }
}

/// A line of the metrics.
#[track_caller]
pub fn assert_line(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
}
