//! The log: one line an event, in the shape that tools know from etcd.
//!
//! ```text
//! {"level":"info","ts":"2026-01-02T03:04:05.678901Z","caller":"node/start.rs:155","msg":"node opened","name":"n1"}
//! ```
//!
//! Where the variable `BALSA_TRACE` is `turns`, each turn of the node's threads is a
//! line too, whatever the level (see [`balsa::replica::trace`]): thousands a second
//! on a busy node, for whoever looks for where a request's time goes.

mod clock;
mod event;
mod output;

use std::ffi::OsString;

use balsa::replica::trace;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::flags::{LogFormat, Settings};
use event::Line;
use output::{OutputError, Outputs};

/// The variable that asks for the turns.
const TRACE: &str = "BALSA_TRACE";

/// Whose lines are shown at every level; those of others only from warnings on.
const OWN: [&str; 5] = ["balsa", "raft_core", "raft_net", "raft_storage", "kv_statemachine"];

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// An output cannot be opened.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The variable asks for something unknown.
    #[error("{TRACE}={0:?} is not known: set it to turns, or not at all")]
    Trace(OsString),
}

/// Sends all events to the log from now on.
///
/// # Errors
///
/// [`LogError`].
///
/// # Panics
///
/// If it was called before.
pub fn start(settings: &Settings) -> Result<(), LogError> {
    let shows_turns = shows_turns(std::env::var_os(TRACE))?;
    let outputs = Outputs::open(&settings.log_outputs)?;
    let log = Log { level: settings.log_level, shows_turns, format: settings.log_format, outputs };
    let subscriber = Registry::default().with(log);
    tracing::subscriber::set_global_default(subscriber).expect("there is one log a process");
    Ok(())
}

struct Log {
    level: LevelFilter,
    shows_turns: bool,
    format: LogFormat,
    outputs: Outputs,
}

impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // Not only events: a question whether one is wanted is neither span nor event.
        !metadata.is_span() && *metadata.level() <= self.level_of(metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(if self.shows_turns { LevelFilter::TRACE } else { self.level })
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = Line::read(event, std::time::SystemTime::now());
        self.outputs.write(&match self.format {
            LogFormat::Json => line.json(),
            LogFormat::Console => line.console(),
        });
    }
}

impl Log {
    fn level_of(&self, target: &str) -> LevelFilter {
        if self.shows_turns && target == trace::TARGET {
            return LevelFilter::TRACE;
        }
        let root = target.split("::").next().unwrap_or(target);
        if OWN.contains(&root) {
            self.level
        } else {
            // Filters are ordered by how much they let through.
            self.level.min(LevelFilter::from_level(Level::WARN))
        }
    }
}

fn shows_turns(variable: Option<OsString>) -> Result<bool, LogError> {
    match variable {
        None => Ok(false),
        Some(value) if value == "turns" => Ok(true),
        Some(value) => Err(LogError::Trace(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_shown_to_who_asks_for_them() {
        let log = |shows_turns| Log {
            level: LevelFilter::INFO,
            shows_turns,
            format: LogFormat::Json,
            outputs: Outputs::open(&["stderr".to_owned()]).expect("it is there"),
        };
        assert_eq!(log(false).level_of(trace::TARGET), LevelFilter::INFO);
        assert_eq!(log(true).level_of(trace::TARGET), LevelFilter::TRACE);
        assert_eq!(log(true).level_of("balsa::replica"), LevelFilter::INFO);
        assert!(!shows_turns(None).expect("nothing is asked for"));
        assert!(shows_turns(Some("turns".into())).expect("it is known"));
        let error = shows_turns(Some("spans".into())).expect_err("it is not known");
        assert_eq!(
            error.to_string(),
            "BALSA_TRACE=\"spans\" is not known: set it to turns, or not at all"
        );
    }

    #[test]
    fn others_are_heard_from_warnings_on() {
        let outputs = Outputs::open(&["stderr".to_owned()]).expect("it is there");
        let log =
            Log { level: LevelFilter::DEBUG, shows_turns: false, format: LogFormat::Json, outputs };
        assert_eq!(log.level_of("balsa::node::start"), LevelFilter::DEBUG);
        assert_eq!(log.level_of("h2::proto"), LevelFilter::WARN);
        assert_eq!(log.level_of("balsamic"), LevelFilter::WARN);
        let log = Log { level: LevelFilter::ERROR, ..log };
        assert_eq!(log.level_of("h2::proto"), LevelFilter::ERROR);
    }
}
