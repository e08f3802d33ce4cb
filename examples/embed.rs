//! A node inside a program: start it, write, read, stop.
//!
//! `cargo run -p balsa-examples --bin embed`

use balsa::Node;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let node = Node::builder().data_dir(folder.path().join("data")).start().await?;
    let client = node.client();

    let written = client.put("colour", "green").await?;
    let found = client.get("colour").await?.ok_or("what was just written is not there")?;
    println!("revision {}: colour = {}", written.revision, String::from_utf8_lossy(&found.value));

    println!("the node has {}", node.stop().await);
    Ok(())
}
