//! The log: one line an event, in the shape that tools know from etcd.
//!
//! ```text
//! {"level":"info","ts":"2026-01-02T03:04:05.678901Z","caller":"node/start.rs:155","msg":"node opened","name":"n1"}
//! ```

mod clock;
mod event;
mod output;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::flags::{LogFormat, Settings};
use event::Line;
use output::Outputs;

pub use output::OutputError;

/// Whose lines are shown at every level; those of others only from warnings on.
const OWN: [&str; 5] = ["balsa", "raft_core", "raft_net", "raft_storage", "kv_statemachine"];

/// Sends all events to the log from now on.
///
/// # Panics
///
/// If it was called before.
pub fn start(settings: &Settings) -> Result<(), OutputError> {
    let outputs = Outputs::open(&settings.log_outputs)?;
    let log = Log { level: settings.log_level, format: settings.log_format, outputs };
    let subscriber = Registry::default().with(log);
    tracing::subscriber::set_global_default(subscriber).expect("there is one log a process");
    Ok(())
}

struct Log {
    level: LevelFilter,
    format: LogFormat,
    outputs: Outputs,
}

impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event() && *metadata.level() <= self.level_of(metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
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
        let root = target.split("::").next().unwrap_or(target);
        if OWN.contains(&root) {
            self.level
        } else {
            // Filters are ordered by how much they let through.
            self.level.min(LevelFilter::from_level(Level::WARN))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_heard_from_warnings_on() {
        let outputs = Outputs::open(&["stderr".to_owned()]).expect("it is there");
        let log = Log { level: LevelFilter::DEBUG, format: LogFormat::Json, outputs };
        assert_eq!(log.level_of("balsa::node::start"), LevelFilter::DEBUG);
        assert_eq!(log.level_of("h2::proto"), LevelFilter::WARN);
        assert_eq!(log.level_of("balsamic"), LevelFilter::WARN);
        let log = Log { level: LevelFilter::ERROR, ..log };
        assert_eq!(log.level_of("h2::proto"), LevelFilter::ERROR);
    }
}
