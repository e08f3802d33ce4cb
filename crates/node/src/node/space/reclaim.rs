//! Gives space back where clients are refused for the lack of it.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::Error;
use crate::node::Client;

/// How long to leave the disk alone after an attempt that did not come to its end.
const PAUSE: Duration = Duration::from_secs(10);

/// What was tried. Only compacting the history makes space that can be given back, so
/// each compaction is followed once.
#[derive(Default)]
pub struct Reclaim {
    /// Up to which revision the history was compacted when all space was given back.
    done: Option<i64>,
    running: Option<Attempt>,
    /// When the next attempt may begin.
    next: Option<Instant>,
}

struct Attempt {
    compact_revision: i64,
    task: JoinHandle<Result<(), Error>>,
}

impl Reclaim {
    /// Begins to give space back, unless that is under way or there is none.
    pub async fn begin(&mut self, client: &Client) {
        if let Some(attempt) = self.running.take_if(|attempt| attempt.task.is_finished()) {
            match attempt.task.await {
                Ok(Ok(())) => self.done = Some(attempt.compact_revision),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "space not given back");
                    self.next = Some(Instant::now() + PAUSE);
                }
                // The runtime ends.
                Err(_) => return,
            }
        }
        let view = client.inner.reader.view();
        let compact_revision = view.compact_revision();
        let is_due = self.running.is_none()
            && self.done != Some(compact_revision)
            && self.next.is_none_or(|next| next <= Instant::now())
            && compact_revision > 0
            && view.is_compaction_finished();
        if is_due {
            let client = client.clone();
            let pool = client.inner.pool.clone();
            let task = pool.spawn_blocking(move || client.reclaim());
            self.running = Some(Attempt { compact_revision, task });
        }
    }
}
