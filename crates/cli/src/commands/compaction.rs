//! `compaction`: forgets what is older than a revision.

use etcd_client::CompactionOptions;

use super::bad_arguments;
use crate::args::{CompactionArgs, Globals};
use crate::connection::{Purpose, within};
use crate::failure::{Exit, Failure};
use crate::go::number::parse_int;
use crate::settings::Settings;
use crate::terminal;

/// Compacts, and says so.
///
/// # Errors
/// The revision is missing or no number, or the server refuses it.
pub async fn run(globals: &Globals, args: &CompactionArgs) -> Result<(), Failure> {
    let [word] = args.words.as_slice() else {
        return Err(bad_arguments("compaction command needs 1 argument"));
    };
    let revision =
        parse_int(&word.to_string_lossy(), 10).map_err(|error| Failure::new(Exit::Error, error))?;
    let mut options = CompactionOptions::new();
    if args.physical {
        options = options.with_physical();
    }
    let settings = Settings::resolve(globals, None)?;
    within(&settings, &settings.endpoints, Purpose::Write, async |connection| {
        Ok(connection.kv().compact(revision, Some(options.clone())).await?)
    })
    .await?;
    terminal::print(format!("compacted revision {revision}\n").as_bytes())
}
