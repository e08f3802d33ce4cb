//! Three nodes in one process: a write on one is read on another, the leader is
//! stopped, and the other two go on.
//!
//! `cargo run -p balsa-examples --bin three_nodes`

use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use balsa::{Client, Node};

const NAMES: [&str; 3] = ["ash", "birch", "cedar"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let addresses = free_addresses()?;
    let mut nodes = Vec::new();
    for (name, address) in NAMES.into_iter().zip(addresses) {
        nodes.push((name, start(name, address, &addresses, folder.path()).await?));
    }

    let (writer, reader) = (&nodes[0], &nodes[1]);
    writer.1.client().put("colour", "green").await?;
    println!(
        "written on {}, read on {}: {}",
        writer.0,
        reader.0,
        colour(&reader.1.client()).await?
    );

    let leader = leader(&nodes[0].1.client()).await?;
    let place = nodes.iter().position(|(_, node)| node.client().header().member.0 == leader);
    let (name, node) = nodes.remove(place.ok_or("a stranger leads")?);
    println!("{name} leads; it has {}", node.stop().await);

    let (name, node) = &nodes[0];
    node.client().put("colour", "blue").await?;
    println!("written on {name}, read on {}: {}", nodes[1].0, colour(&nodes[1].1.client()).await?);

    for (name, node) in nodes {
        println!("{name} has {}", node.stop().await);
    }
    Ok(())
}

/// Starts a member. All of them are told the same founders.
async fn start(
    name: &str,
    address: SocketAddr,
    addresses: &[SocketAddr],
    folder: &Path,
) -> Result<Node, Box<dyn Error>> {
    let mut builder = Node::builder().name(name).data_dir(folder.join(name)).listen_peer(address);
    for (founder, address) in NAMES.into_iter().zip(addresses) {
        builder = builder.founder(founder, [format!("http://{address}")]);
    }
    Ok(builder.start().await?)
}

/// A linearizable read: it shows all that was acknowledged on any node before.
async fn colour(client: &Client) -> Result<String, Box<dyn Error>> {
    let found = client.get("colour").await?.ok_or("an acknowledged write is not there")?;
    Ok(String::from_utf8_lossy(&found.value).into_owned())
}

/// Who leads, once somebody does.
async fn leader(client: &Client) -> Result<u64, Box<dyn Error>> {
    let mut office = client.replica().office();
    let known = office.wait_for(|office| office.leader.is_some()).await?;
    Ok(known.leader.ok_or("nobody leads")?.0)
}

/// Loopback addresses that nobody listens on. All are bound before any is freed,
/// so that they differ.
fn free_addresses() -> std::io::Result<[SocketAddr; 3]> {
    let bind = || TcpListener::bind(("127.0.0.1", 0));
    let [first, second, third] = [bind()?, bind()?, bind()?];
    Ok([first.local_addr()?, second.local_addr()?, third.local_addr()?])
}
