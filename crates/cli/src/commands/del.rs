//! `del`: one key, or a range of keys.

use std::time::Duration;

use etcd_client::DeleteOptions;

use super::{Span, bad_arguments, show, span};
use crate::args::{DelArgs, Globals};
use crate::connection::{Purpose, within};
use crate::failure::Failure;
use crate::go::quote::quote;
use crate::print::Answer;
use crate::settings::Settings;
use crate::terminal;

/// Time to think again before a range is deleted.
const RECONSIDER: Duration = Duration::from_secs(2);

/// Deletes, and prints the answer.
///
/// # Errors
/// The arguments are wrong, or the server refuses.
pub async fn run(globals: &Globals, args: &DelArgs) -> Result<(), Failure> {
    let (key, options) = request(args)?;
    let settings = Settings::resolve(globals, None)?;
    let response = within(&settings, &settings.endpoints, Purpose::Write, async |connection| {
        Ok(connection.kv().delete(key.clone(), Some(options.clone())).await?)
    })
    .await?;
    show(&Answer::Del(response.0), settings.output)
}

/// The key and the options of these arguments. A range that is not confirmed by
/// `--range` is warned of, and waits.
///
/// # Errors
/// The key is missing, there are too many arguments, or flags contradict each other.
pub fn request(args: &DelArgs) -> Result<(Vec<u8>, DeleteOptions), Failure> {
    let missing = "del command needs one argument as key and an optional argument as range_end";
    if args.words.len() > 2 {
        return Err(bad_arguments(missing));
    }
    let (key, span) = span(&args.words, args.prefix, args.from_key, missing)?;
    let mut options = DeleteOptions::new();
    options = match span {
        Span::Key => options,
        Span::To(end) => {
            if !args.range {
                warn(&key, &end);
            }
            options.with_range(end)
        }
        Span::Prefix => options.with_prefix(),
        Span::From => options.with_from_key(),
    };
    if args.prev_kv {
        options = options.with_prev_key();
    }
    Ok((key, options))
}

fn warn(key: &[u8], end: &[u8]) {
    terminal::say(format_args!(
        "Warning: Keys between {} and {} will be deleted. Please interrupt the command within next 2 seconds to cancel. You can provide `--range` flag to avoid the delay.",
        quote(key),
        quote(end)
    ));
    std::thread::sleep(RECONSIDER);
}
