//! A runtime of one's own, and its end.

use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;

/// How long an end waits for threads that are in the middle of something.
const LIMIT: Duration = Duration::from_secs(5);

/// A runtime of a part of a node. Where it is dropped nobody may be able to wait, so
/// its threads go on for a moment then; [`OwnRuntime::end`] waits until they are gone
/// and with them all that their tasks held.
#[derive(Debug)]
pub struct OwnRuntime(Option<Runtime>);

impl OwnRuntime {
    /// Takes it over.
    pub fn new(runtime: Runtime) -> OwnRuntime {
        OwnRuntime(Some(runtime))
    }

    /// To start tasks on it.
    pub fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it is there until it ends").handle()
    }

    /// Ends its tasks and waits for its threads, five seconds at most. A process that
    /// exits while one of them closes a database would be aborted.
    pub async fn end(mut self) {
        let (last, gone) = oneshot::channel::<()>();
        let wait = move || {
            if let Some(runtime) = self.0.take() {
                let began = Instant::now();
                runtime.shutdown_timeout(LIMIT);
                if began.elapsed() >= LIMIT {
                    tracing::warn!("a large read is still under way after {LIMIT:?}; left behind");
                }
            }
            drop(last);
        };
        match thread::Builder::new().name("balsa-retire".to_owned()).spawn(wait) {
            // It says nothing, it only goes.
            Ok(_) => drop(gone.await),
            Err(error) => tracing::warn!(%error, "no thread to wait for the others' end"),
        }
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
