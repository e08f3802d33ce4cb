//! Durable means durable: an acknowledged write was on the disks of a majority.
//!
//! The nodes run with `syncs.c` loaded before all else, which delays their syncs or
//! writes them down; it is compiled when a test needs it. Each test has a
//! counterpart in which the syncs are taken out, and which must see that. A
//! program that is linked statically, as etcd is, loads no such library.

mod journal;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use proto::etcdserverpb::PutRequest;
use tempfile::TempDir;

use super::harness::{Load, ONE_CALL, Record, Town, library};
use journal::{Loss, lose_power};

/// How much longer a sync takes.
const DELAY: Duration = Duration::from_millis(50);

/// How long a write takes at most when leader and follower sync side by side.
const SIDE_BY_SIDE: Duration = Duration::from_millis(90);

/// How many writes are timed.
const TIMED: usize = 21;

/// A write waits for one sync's time: not less, for it waits for the disk, and not
/// two, for the leader syncs while its followers do.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_waits_for_the_disks_side_by_side() {
    let times = time_writes(&[]).await;
    assert!(times[0] >= DELAY, "a write was acknowledged before the disk: {times:?}");
    // The median: what else the machine does may delay one or the other.
    let median = times[TIMED / 2];
    assert!(median <= SIDE_BY_SIDE, "syncs follow one another: {times:?}");
}

/// The same without syncs: the measure above would show it.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_syncs_is_seen_to_be_too_fast() {
    let times = time_writes(&[("SYNC_DROP", "1".into())]).await;
    assert!(times[0] < DELAY, "writes wait for something else than syncs: {times:?}");
}

/// All nodes die under load, and with them all that was not synced.
#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_a_power_loss() {
    let journals = TempDir::with_prefix("balsa-journals-").expect("a temporary folder");
    let (mut town, mut record, loss) = lose_power_under_load(journals.path(), &[]).await;
    assert!(loss.syncs > 100, "the library wrote down what the nodes did: {loss:?}");
    town.start_all().await;
    let load = Load::start("after", &town.endpoints(), 8);
    load.wait_for(500).await;
    record.join(load.stop().await);
    town.verify(&record).await;
}

/// The same without syncs: the nodes refuse to start, or a write is seen to be lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_loss_without_syncs_is_seen() {
    let journals = TempDir::with_prefix("balsa-journals-").expect("a temporary folder");
    let drop = [("SYNC_DROP", "1".into())];
    let (mut town, record, loss) = lose_power_under_load(journals.path(), &drop).await;
    assert_eq!(loss.syncs, 0, "no sync was made");
    assert!(loss.bytes > 0, "nothing was durable, so something is lost: {loss:?}");
    if town.try_start_all().await.is_ok() {
        let lost = town.missing(&record).await;
        assert!(!lost.is_empty(), "all files were emptied, and yet nothing is lost: {loss:?}");
    }
}

/// The times of some writes on the leader of three nodes, one after the other, the
/// shortest first.
async fn time_writes(more_env: &[(&str, OsString)]) -> Vec<Duration> {
    let delay = DELAY.as_millis().to_string();
    let env = [preload(), ("SYNC_DELAY_MS", delay.into())];
    let mut town = Town::start_with_env(3, &[], &[&env, more_env].concat()).await;
    let leader = town.wait_leader().await;
    let mut connection = town.connection(leader);
    let mut times = Vec::new();
    for number in 0..TIMED {
        let key = format!("timed {number}").into();
        let began = Instant::now();
        let put = PutRequest { key, value: "value".into(), ..PutRequest::default() };
        connection.put(put, ONE_CALL).await.expect("the leader writes");
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times
}

/// Three nodes that have lost their power under load, and what was written.
async fn lose_power_under_load(
    journals: &Path,
    more_env: &[(&str, OsString)],
) -> (Town, Record, Loss) {
    let env = [preload(), ("SYNC_JOURNAL", journals.as_os_str().to_owned())];
    let mut town = Town::start_with_env(3, &[], &[&env, more_env].concat()).await;
    let load = Load::start("before", &town.endpoints(), 8);
    load.wait_for(5_000).await;
    town.kill().expect("all nodes can be killed");
    let record = load.stop().await;
    let loss = lose_power(town.folder(), journals).expect("files can be cut");
    (town, record, loss)
}

/// The variable that loads the library of `syncs.c` first.
pub fn preload() -> (&'static str, OsString) {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| library("tests/process/durability/syncs.c"));
    ("LD_PRELOAD", library.clone().into_os_string())
}
