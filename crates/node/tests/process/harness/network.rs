//! The ways between the nodes of a town, for tests that cut them, make them slow or let
//! them damage what passes.
//!
//! ```text
//!   node 1 ──dials──▶ relay of node 2 ──dials──▶ node 2
//!                     (its known port)           (a port nobody knows)
//! ```
//!
//! A relay finds out which node dials it: whose process holds the other end of the
//! connection. What comes on a way that is cut waits, and passes once the way is
//! whole again, as TCP does it; nobody is told that it is cut.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, io};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};

use super::Town;
use super::way::{self, Way, Ways};
use crate::random::Random;

/// The seed of what is damaged.
const SEED: u64 = 17;

/// How far a node's own port lies behind the one that its peers know.
const PORTS: u16 = 1000;

/// Relays between all nodes of a town, until it is dropped.
pub struct Network {
    /// What each node listens on for its relay, and where that listens.
    addresses: Vec<(SocketAddr, SocketAddr)>,
    relays: Vec<Option<JoinHandle<()>>>,
    shared: Arc<Shared>,
}

struct Shared {
    /// Each node's folder, by which its process is known.
    folders: Vec<PathBuf>,
    ways: watch::Sender<Ways>,
    random: Mutex<Random>,
    connections: Mutex<Vec<Connection>>,
}

/// A connection that one node has made to another.
struct Connection {
    from: usize,
    to: usize,
    task: AbortHandle,
}

impl Network {
    /// Puts a relay before each node of a town. Its nodes are restarted for that.
    pub async fn between(town: &mut Town) -> Network {
        town.kill().expect("all nodes can be killed");
        let addresses: Vec<_> = (0..town.size())
            .map(|node| move_peer_port(&mut town.process(node).spec_mut().args))
            .collect();
        let folders = (1..=town.size()).map(|number| town.folder().join(format!("n{number}")));
        let shared = Arc::new(Shared {
            folders: folders.collect(),
            ways: watch::Sender::new(Ways::new()),
            random: Mutex::new(Random::new(SEED)),
            connections: Mutex::default(),
        });
        let relays = addresses.iter().map(|_| None).collect();
        let mut network = Network { addresses, relays, shared };
        for node in 0..town.size() {
            network.admit(node).await;
        }
        town.start_all().await;
        network
    }

    /// Cuts the way from one node to another. The way back stays.
    pub fn cut(&self, from: usize, to: usize) {
        self.set(from, to, Way { is_cut: true, ..Way::default() });
    }

    /// Makes the way from one node to another as this says. The way back stays.
    pub fn set(&self, from: usize, to: usize, way: Way) {
        self.shared.ways.send_modify(|ways| {
            ways.insert((from, to), way);
        });
    }

    /// Makes both ways between two nodes as this says.
    pub fn set_both(&self, one: usize, other: usize, way: Way) {
        self.set(one, other, way);
        self.set(other, one, way);
    }

    /// Ends all connections between two nodes. New ones may be made at once.
    pub fn disconnect(&self, one: usize, other: usize) {
        for connection in self.shared.connections().iter() {
            if [(one, other), (other, one)].contains(&(connection.from, connection.to)) {
                connection.task.abort();
            }
        }
    }

    /// Cuts all ways between these nodes and the others.
    pub fn part(&self, group: &[usize]) {
        let (inside, outside): (Vec<_>, Vec<_>) =
            (0..self.addresses.len()).partition(|node| group.contains(node));
        for inner in inside {
            for outer in &outside {
                self.cut(inner, *outer);
                self.cut(*outer, inner);
            }
        }
    }

    /// Makes all ways whole again.
    pub fn heal(&self) {
        self.shared.ways.send_replace(Ways::new());
    }

    /// Ends all connections that one node has made to another, and refuses new ones
    /// to that one from everybody.
    pub fn refuse(&mut self, from: usize, to: usize) {
        if let Some(relay) = self.relays[to].take() {
            relay.abort();
        }
        for connection in self.shared.connections().iter() {
            if (connection.from, connection.to) == (from, to) {
                connection.task.abort();
            }
        }
    }

    /// Takes connections to a node, again or for the first time.
    pub async fn admit(&mut self, to: usize) {
        let (known, own) = self.addresses[to];
        let listener = TcpListener::bind(known).await.expect("the address is free");
        let shared = self.shared.clone();
        self.relays[to] = Some(tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.expect("connections can be taken");
                shared.relay(near, to, own);
            }
        }));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.relays.iter().flatten().for_each(JoinHandle::abort);
        self.shared.connections().iter().for_each(|connection| connection.task.abort());
    }
}

impl Shared {
    /// Relays a connection, if it is known who made it: one that is gone already
    /// cannot be asked.
    fn relay(self: &Arc<Self>, near: TcpStream, to: usize, own: SocketAddr) {
        let Ok(Some(from)) = dialler(&near, &self.folders) else { return };
        let shared = self.clone();
        let task = tokio::spawn(async move { shared.pass(near, from, to, own).await });
        let mut connections = self.connections();
        connections.retain(|connection| !connection.task.is_finished());
        connections.push(Connection { from, to, task: task.abort_handle() });
    }

    /// Where nobody listens the near side sees its connection closed.
    async fn pass(&self, near: TcpStream, from: usize, to: usize, own: SocketAddr) {
        let Ok(far) = TcpStream::connect(own).await else { return };
        for stream in [&near, &far] {
            stream.set_nodelay(true).expect("a socket that is open can be set");
        }
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        let carry = |input, output, ends| {
            way::carry(input, output, ends, self.ways.subscribe(), &self.random)
        };
        // With one direction both end: half a connection is of no use to anybody.
        tokio::select! {
            () = carry(near_in, far_out, (from, to)) => {}
            () = carry(far_in, near_out, (to, from)) => {}
        }
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets a node listen for peers on another port than the one that it tells them, and
/// returns both addresses.
pub fn move_peer_port(args: &mut [OsString]) -> (SocketAddr, SocketAddr) {
    let at = args.iter().position(|arg| arg == "--listen-peer-urls").expect("it has a port");
    let url = args[at + 1].to_str().expect("a URL is text");
    let known = url.strip_prefix("http://").expect("it is a URL");
    let known: SocketAddr = known.parse().expect("it is an address");
    let own = SocketAddr::new(known.ip(), known.port() + PORTS);
    args[at + 1] = format!("http://{own}").into();
    (known, own)
}

/// Which node's process holds the other end of a connection.
fn dialler(near: &TcpStream, folders: &[PathBuf]) -> io::Result<Option<usize>> {
    let Some(inode) = inode_of(near.peer_addr()?, near.local_addr()?)? else { return Ok(None) };
    let socket = PathBuf::from(format!("socket:[{inode}]"));
    for entry in fs::read_dir("/proc")? {
        let process = entry?.path();
        // Processes come and go, and others' are closed to us.
        let Ok(command) = fs::read(process.join("cmdline")) else { continue };
        let node = folders.iter().position(|folder| names(&command, folder));
        if node.is_some() && holds(&process, &socket) {
            return Ok(node);
        }
    }
    Ok(None)
}

/// Whether one of a command's words is this folder, alone or after an equals sign.
fn names(command: &[u8], folder: &Path) -> bool {
    let folder = folder.as_os_str().as_encoded_bytes();
    command.split(|byte| [0, b'='].contains(byte)).any(|word| word == folder)
}

fn holds(process: &Path, socket: &Path) -> bool {
    let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    files.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|link| link == socket))
}

/// The inode of the socket with these ends, by `proc_net_tcp(5)`.
fn inode_of(own: SocketAddr, other: SocketAddr) -> io::Result<Option<u64>> {
    let ends = (hex(own), hex(other));
    let sockets = fs::read_to_string("/proc/net/tcp")?;
    Ok(sockets.lines().skip(1).find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let found = (words.next()?.to_owned(), words.next()?.to_owned());
        (found == ends).then(|| words.nth(6)?.parse().ok())?
    }))
}

/// An address as the kernel writes it: the bytes of an IPv4 address in the machine's
/// order.
fn hex(address: SocketAddr) -> String {
    let IpAddr::V4(ip) = address.ip() else { panic!("{address} is not IPv4") };
    format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), address.port())
}
