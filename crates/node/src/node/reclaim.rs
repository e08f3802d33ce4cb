//! Gives back the space of what was deleted and compacted.

use std::sync::Arc;

use super::client::Client;
use super::error::Error;

impl Client {
    /// Gives back the space that this node's state takes for what was overwritten, deleted
    /// and compacted. Reads and writes go on meanwhile. It takes as long as writing the
    /// state some times over, and once begun goes on if nobody waits for it any more; who
    /// asks while it is under way waits for his turn.
    ///
    /// # Errors
    ///
    /// [`Error::NoRoomToReclaim`] where the disk has too little room to write a piece anew
    /// before the old one goes; what was given back until then stays so. Otherwise
    /// [`Error::Storage`] and [`Error::Stopped`].
    pub async fn defragment(&self) -> Result<(), Error> {
        let turn = Arc::clone(&self.inner.reclaiming).lock_owned().await;
        let client = self.clone();
        let reclaim = move || {
            let _turn = turn;
            client.reclaim()
        };
        self.inner.pool.spawn_blocking(reclaim).await.unwrap_or(Err(Error::Stopped))
    }

    fn reclaim(&self) -> Result<(), Error> {
        let inner = &self.inner;
        // As much again is left to the log and the rest of the node.
        let has_room = |bytes| inner.gate.free_bytes().is_none_or(|free| free / 2 >= bytes);
        let before = inner.store.size_bytes();
        let done = inner
            .store
            .reclaim(&mut |bytes| !inner.replica.has_ended() && has_room(bytes))
            .map_err(|error| Error::Storage(error.to_string()))?;
        let after = inner.store.size_bytes();
        tracing::info!(before_bytes = before, after_bytes = after, done, "space given back");
        match done {
            true => Ok(()),
            false if inner.replica.has_ended() => Err(Error::Stopped),
            false => Err(Error::NoRoomToReclaim),
        }
    }
}
