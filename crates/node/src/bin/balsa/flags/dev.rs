//! The flags of `balsa dev`.

use std::net::IpAddr;
use std::path::PathBuf;

use super::args;
use super::describe;
use super::error::FlagError;
use super::table::{Flag, Kind, Role};

/// Between the ports of one node and the next.
const PORTS_A_NODE: u16 = 10;
/// More would only be slower on one machine.
const MAX_NODES: u16 = 9;

const FLAGS: &[Flag] = &[
    Flag {
        name: "nodes",
        kind: Kind::Number,
        default: "3",
        role: Role::Used("how many nodes: odd, 9 at most"),
    },
    Flag {
        name: "base-port",
        kind: Kind::Number,
        default: "2379",
        role: Role::Used("the first port for clients"),
    },
    Flag {
        name: "host",
        kind: Kind::Text,
        default: "127.0.0.1",
        role: Role::Used("the address that all listen at"),
    },
    Flag {
        name: "data-dir",
        kind: Kind::Text,
        default: "balsa-dev",
        role: Role::Used("where their folders are"),
    },
];

/// A cluster on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevSettings {
    /// How many nodes: odd, 9 at most.
    pub nodes: u16,
    /// The first node's port for clients; its peers use the next one.
    pub base_port: u16,
    /// The address that all listen at.
    pub host: IpAddr,
    /// Where their folders are.
    pub data_dir: PathBuf,
}

impl DevSettings {
    /// Reads a command line, `balsa dev` left out; `None` if help is asked for.
    pub fn read(line: impl IntoIterator<Item = String>) -> Result<Option<DevSettings>, FlagError> {
        let line = args::parse(line, FLAGS)?;
        if line.help {
            return Ok(None);
        }
        let text = |name: &'static str| {
            let given = line.flags.iter().rev().find(|(flag, _)| *flag == name);
            let default = FLAGS.iter().find(|flag| flag.name == name).map(|flag| flag.default);
            given.map_or_else(|| default.unwrap_or_default(), |(_, value)| value)
        };
        let nodes = text("nodes");
        let count = nodes.parse().ok().filter(|count| count % 2 == 1 && *count <= MAX_NODES);
        let nodes = count.ok_or_else(|| {
            FlagError::invalid("nodes", nodes, "it must be an odd number, 9 at most")
        })?;
        let port = text("base-port");
        let last = |base: &u16| base.checked_add((nodes - 1) * PORTS_A_NODE + 1);
        let base_port = port.parse().ok().filter(|base| *base > 0 && last(base).is_some());
        let base_port = base_port.ok_or_else(|| {
            FlagError::invalid("base-port", port, "all ports must lie between 1 and 65535")
        })?;
        let host = text("host");
        let address = host.parse();
        let host = address.map_err(|_| FlagError::invalid("host", host, "it is no IP address"))?;
        Ok(Some(DevSettings { nodes, base_port, host, data_dir: text("data-dir").into() }))
    }

    /// The flags that say which cluster it is, wherever its folder is.
    pub fn line(&self) -> String {
        format!("--nodes {} --host {} --base-port {}", self.nodes, self.host, self.base_port)
    }

    /// The flags: name, what they are, default.
    pub fn describe() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        describe(FLAGS)
    }

    /// The port of a node for its clients; nodes count from 0.
    pub fn client_port(&self, node: u16) -> u16 {
        self.base_port + node * PORTS_A_NODE
    }

    /// The port of a node for its peers.
    pub fn peer_port(&self, node: u16) -> u16 {
        self.client_port(node) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Option<DevSettings>, FlagError> {
        DevSettings::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_ports_follow_those_of_etcd() {
        let settings = read("").expect("the defaults can be followed").expect("not help");
        assert_eq!(settings.nodes, 3);
        assert_eq!((settings.client_port(0), settings.peer_port(0)), (2379, 2380));
        assert_eq!((settings.client_port(2), settings.peer_port(2)), (2399, 2400));
    }

    #[test]
    fn the_last_word_counts() {
        let settings = read("--nodes 3 --nodes=5").expect("it can be followed").expect("not help");
        assert_eq!(settings.nodes, 5);
        assert_eq!(read("-h"), Ok(None));
    }

    #[test]
    fn what_cannot_be_a_cluster_is_refused() {
        for line in [
            "--nodes 2",
            "--nodes 11",
            "--nodes 0",
            "--nodes x",
            "--base-port 0",
            "--base-port 65515",
            "--host localhost",
            "--name a",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
        assert!(read("--base-port 65514").is_ok());
    }
}
