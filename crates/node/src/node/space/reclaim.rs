//! Gives space back where clients are refused for the lack of it.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::Error;
use crate::node::Client;

/// How long to leave the disk alone after an attempt that did not come to its end; twice
/// as long after each further one, up to the longest.
const PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// What was tried. Only compacting the history makes space that can be given back, so
/// each compaction is followed at once, and again only after pauses.
#[derive(Default)]
pub struct Reclaim {
    /// Up to which revision the history was compacted at the last attempt.
    followed: Option<i64>,
    running: Option<JoinHandle<Result<(), Error>>>,
    pause: Duration,
    /// When to try again though nothing was compacted since.
    next: Option<Instant>,
}

impl Reclaim {
    /// Begins to give space back, unless that is under way or there is none.
    pub async fn begin(&mut self, client: &Client) {
        if let Some(task) = self.running.take_if(|task| task.is_finished()) {
            self.pause = match task.await {
                // Views that are still held may have kept some.
                Ok(Ok(())) => LONGEST_PAUSE,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "space not given back");
                    (self.pause * 2).clamp(PAUSE, LONGEST_PAUSE)
                }
                // The runtime ends.
                Err(_) => LONGEST_PAUSE,
            };
            self.next = Some(Instant::now() + self.pause);
        }
        let view = client.inner.reader.view();
        let compacted = view.compact_revision();
        let is_new = self.followed != Some(compacted);
        let is_due = is_new || self.next.is_some_and(|next| next <= Instant::now());
        if self.running.is_none() && is_due && compacted > 0 && view.is_compaction_finished() {
            if is_new {
                self.pause = Duration::ZERO;
            }
            self.followed = Some(compacted);
            let client = client.clone();
            let pool = client.inner.pool.clone();
            self.running = Some(pool.spawn(async move { client.defragment().await }));
        }
    }
}
