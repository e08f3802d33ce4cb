//! One node of a cluster on this machine: a child process.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::{DevError, name, system};
use crate::flags::DevSettings;
use crate::serve::READY;

/// How many of its last lines show why a node does not run.
const LAST_LINES: usize = 10;

/// One child.
pub struct Node {
    pub name: String,
    pub client: SocketAddr,
    pub log: PathBuf,
    /// What starts it again by hand.
    pub command: String,
    pub child: Child,
    pub has_ended: bool,
    /// Where in its log this start begins.
    log_start: u64,
}

impl Node {
    pub fn start(settings: &DevSettings, index: u16) -> Result<Node, DevError> {
        let name = name(index);
        let log = settings.data_dir.join(format!("{name}.log"));
        let opened = File::options().create(true).append(true).open(&log);
        let file = opened.map_err(system(format!("cannot open {}", log.display())))?;
        let log_start = file.metadata().map_or(0, |data| data.len());
        let program = std::env::current_exe().map_err(system("this program is not found"))?;
        let line = flags(settings, index);
        let command = format!("{} {}", program.display(), line.join(" "));
        let mut child = Command::new(program);
        child.args(line).arg("--stop-with-stdin").stdin(Stdio::piped());
        child.stdout(Stdio::null()).stderr(file);
        // Ctrl-C in the terminal is for this process; it stops the children itself.
        child.process_group(0);
        for (variable, _) in std::env::vars_os() {
            if variable.as_encoded_bytes().starts_with(b"ETCD_") {
                child.env_remove(variable);
            }
        }
        let child = child.spawn().map_err(system(format!("{name} cannot be started")))?;
        let client = SocketAddr::new(settings.host, settings.client_port(index));
        Ok(Node { name, client, log, command, child, has_ended: false, log_start })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, DevError> {
        let looked = self.child.try_wait();
        let status = looked.map_err(system(format!("{} cannot be looked at", self.name)))?;
        self.has_ended |= status.is_some();
        Ok(status)
    }

    /// Whether it serves. It is not asked, for whoever answers at its address may be
    /// somebody else; it says so itself.
    pub fn serves(&self) -> bool {
        self.said().lines().any(|line| line.contains(READY))
    }

    /// Its last lines since it was started.
    pub fn last_lines(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    /// The failure of a node that has ended.
    pub fn failed(&self, status: ExitStatus) -> DevError {
        DevError::Ended {
            name: self.name.clone(),
            status,
            log: self.log.display().to_string(),
            last: self.last_lines(),
        }
    }

    /// What it logged since it was started. A log that cannot be read says nothing.
    fn said(&self) -> String {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = fs::File::open(&self.log)?;
            file.seek(SeekFrom::Start(self.log_start))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
    }
}

/// The command line of a node.
fn flags(settings: &DevSettings, index: u16) -> Vec<String> {
    let url = |port: u16| format!("http://{}", SocketAddr::new(settings.host, port));
    let client = url(settings.client_port(index));
    let peer = url(settings.peer_port(index));
    let members: Vec<String> = (0..settings.nodes)
        .map(|index| format!("{}={}", name(index), url(settings.peer_port(index))))
        .collect();
    let folder = settings.data_dir.join(name(index)).display().to_string();
    let flags = [
        ("name", name(index)),
        ("data-dir", folder),
        ("listen-client-urls", client.clone()),
        ("advertise-client-urls", client),
        ("listen-peer-urls", peer.clone()),
        ("initial-advertise-peer-urls", peer),
        ("initial-cluster", members.join(",")),
        ("initial-cluster-token", "balsa-dev".to_owned()),
    ];
    flags.into_iter().flat_map(|(name, value)| [format!("--{name}"), value]).collect()
}
