//! What is on its way to one follower.

use std::collections::VecDeque;

use crate::config::Limits;
use crate::types::Index;

/// The appends in flight to one follower, oldest first: how far each reaches,
/// and its size. Bounds how far the leader runs ahead of the answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Inflight {
    appends: VecDeque<(Index, u64)>,
    bytes: u64,
}

impl Inflight {
    pub(crate) fn push(&mut self, last: Index, bytes: u64) {
        self.appends.push_back((last, bytes));
        self.bytes += bytes;
    }

    /// The follower has everything up to `matched`.
    pub(crate) fn free(&mut self, matched: Index) {
        while let Some((_, bytes)) = self.appends.front().filter(|(last, _)| *last <= matched) {
            self.bytes -= bytes;
            self.appends.pop_front();
        }
    }

    /// Whether nothing more may be sent before an answer comes. One append
    /// always may, however large.
    pub(crate) fn is_full(&self, limits: &Limits) -> bool {
        self.appends.len() as u64 >= limits.inflight_messages || self.bytes >= limits.inflight_bytes
    }
}
