//! A single node, the same of whatever program.

use std::path::Path;
use std::time::{Duration, Instant};

use bench::client::Connection;
use bench::process::{Process, ProcessError, Spec};
use proto::etcdserverpb::RangeRequest;
use tempfile::TempDir;

use super::{LIMIT, ONE_CALL};

/// How often a node that starts is asked.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A fresh node as etcd's defaults make it, but for its addresses; etcd's quota has to be
/// asked for, since there is none by default. The name and the peer URL decide the ids
/// that it answers with, so that two programs at one address, one after the other, have
/// the same.
pub struct Single {
    process: Process,
    _folder: TempDir,
}

impl Single {
    /// Starts it, and waits until it serves.
    pub async fn start(program: &Path, endpoint: &str) -> Single {
        let folder = TempDir::with_prefix("balsa-single-").expect("a temporary folder");
        let mut process = process(program, endpoint, folder.path());
        process.start().expect("the node starts");
        let mut connection = Connection::new(endpoint);
        let began = Instant::now();
        let read = RangeRequest { key: "ready".into(), ..RangeRequest::default() };
        while let Err(status) = connection.range(read.clone(), ONE_CALL).await {
            process.check().expect("the node runs");
            assert!(began.elapsed() < LIMIT, "{} does not serve: {status}", program.display());
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Single { process, _folder: folder }
    }

    /// Looks whether it still runs.
    ///
    /// # Errors
    ///
    /// If it ended by itself.
    pub fn check(&mut self) -> Result<(), ProcessError> {
        self.process.check()
    }
}

fn process(program: &Path, endpoint: &str, folder: &Path) -> Process {
    let (host, _) = endpoint.split_once(':').expect("host:port");
    let client_url = format!("http://{endpoint}");
    let peer_url = format!("http://{host}:2380");
    let data = folder.join("default").display().to_string();
    let flags = [
        ("--name", "default"),
        ("--data-dir", &data),
        ("--listen-client-urls", &client_url),
        ("--advertise-client-urls", &client_url),
        ("--listen-peer-urls", &peer_url),
        ("--initial-advertise-peer-urls", "http://localhost:2380"),
        ("--initial-cluster", "default=http://localhost:2380"),
        ("--quota-backend-bytes", "2147483648"),
    ];
    Process::new(Spec {
        name: program.display().to_string(),
        program: program.to_owned(),
        args: flags.into_iter().flat_map(|(flag, value)| [flag.into(), value.into()]).collect(),
        env: vec![],
        log: folder.join("node.log"),
    })
}
