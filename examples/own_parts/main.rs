//! A service with its own state machine on its own log storage: it counts, stops,
//! starts again and goes on counting.
//!
//! `cargo run -p balsa-examples --bin own_parts`

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use balsa::driver::DriverConfig;
use balsa::driver::recovery::Stores;
use balsa::replica::{Replica, ReplicaHandle, Threads, Unobserved};
use own_parts::counters::command::{FORMAT, REQUEST_IDS, Reply, add};
use own_parts::{Counters, CountersReader, FileLog};
use raft_core::{Config, Incarnation, Membership, NodeId, RoleName, SnapshotMeta};
use raft_storage::files::{Files, OsFiles};
use raft_storage::snapshots::FileSnapshots;

const NODE: NodeId = NodeId(1);
const TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    for life in 1..=2 {
        let (replica, reader) = start(folder.path())?;
        let handle = replica.handle();
        until_it_leads(&handle).await?;

        handle.read_index(TIMEOUT).await?;
        println!("life {life} begins with {} visits", reader.get("visits"));
        for _ in 0..3 {
            let (position, reply) = handle.write(FORMAT, add("visits", 1), TIMEOUT).await?;
            println!("  visit {} is entry {position}", reply.value?);
        }
        println!("life {life} has {}", replica.stop().await);
    }
    Ok(())
}

/// Opens the stores and starts the replica. It has no peers, so it needs no transport.
fn start(folder: &Path) -> Result<(Replica<Reply>, CountersReader), Box<dyn Error>> {
    let bootstrap = SnapshotMeta::bootstrap(Membership::of_voters([NODE]));
    let files: Arc<dyn Files> = Arc::new(OsFiles::new(folder)?);
    let log = Box::new(FileLog::open(files.clone(), bootstrap.clone())?);
    let machine = Counters::open(files.clone(), bootstrap)?;
    let snapshots = Arc::new(FileSnapshots::open(files.folder("snapshots")?)?);

    let reader = machine.reader();
    let config = DriverConfig::new(Config::new(NODE, Incarnation(getrandom::u64()?)));
    let stores = Stores { log, machine, snapshots };
    let (replica, _found) =
        Replica::start(&config, REQUEST_IDS, stores, &Threads::default(), Arc::new(Unobserved))?;
    Ok((replica, reader))
}

async fn until_it_leads(handle: &ReplicaHandle<Reply>) -> Result<(), Box<dyn Error>> {
    let mut office = handle.office();
    tokio::time::timeout(TIMEOUT, office.wait_for(|office| office.role == RoleName::Leader))
        .await??;
    Ok(())
}
