//! `defrag`: gives back the space of what was deleted and compacted.

use tokio::time::Instant;

use super::endpoint;
use crate::args::{DefragArgs, Globals};
use crate::connection::{Purpose, within};
use crate::failure::Failure;
use crate::go::duration;
use crate::settings::Settings;
use crate::terminal;

/// Asks one endpoint after the other, so that never all of them are busy with it.
///
/// # Errors
/// An endpoint did not do it, or not in time; it may go on nevertheless.
pub async fn run(globals: &Globals, args: &DefragArgs) -> Result<(), Failure> {
    let settings = Settings::resolve(globals, Some(args.cluster))?;
    let mut failed = false;
    for endpoint in endpoint::endpoints(&settings).await? {
        let began = Instant::now();
        let asked = std::slice::from_ref(&endpoint);
        let done = within(&settings, asked, Purpose::Upkeep, async |mut connection| {
            Ok(connection.client.defragment().await?)
        })
        .await;
        let took = duration::format(began.elapsed());
        match done {
            Ok(_) => {
                let line = format!("Finished defragmenting etcd member[{endpoint}]. took {took}\n");
                terminal::print(line.as_bytes())?;
            }
            Err(failure) => {
                failed = true;
                let what = format!("Failed to defragment etcd member[{endpoint}]. took {took}.");
                endpoint::tell(&what, &failure);
            }
        }
    }
    if failed { Err(Failure::reported()) } else { Ok(()) }
}
