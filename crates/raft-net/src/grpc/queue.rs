//! What waits to be sent on one lane.
//!
//! Whoever sends never waits: where the queue is full a frame is dropped, as a
//! network may drop any. The connection draws from the queue when it can write. A
//! connection that broke may still be polled for a moment; each has a number, and
//! only the newest one gets anything, so that no frame is fed to a dead line.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use proto::balsa::raft::v1 as wire;

/// A bounded queue with one reader at a time.
pub struct LaneQueue {
    max_frames: usize,
    max_bytes: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    frames: VecDeque<(wire::Frame, usize)>,
    bytes: usize,
    connection: u64,
    reader: Option<Waker>,
    overflowing: bool,
    closed: bool,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It waits.
    Queued,
    /// It was dropped: the queue is full or closed.
    Dropped {
        /// Whether it is the first one since there was room.
        first: bool,
    },
}

impl LaneQueue {
    /// An empty queue; one frame always has room, however large.
    pub fn new(max_frames: usize, max_bytes: usize) -> LaneQueue {
        LaneQueue { max_frames, max_bytes, state: Mutex::default() }
    }

    /// Adds a frame of so many bytes.
    pub fn push(&self, frame: wire::Frame, bytes: usize) -> Pushed {
        let mut state = self.lock();
        let full = !state.frames.is_empty()
            && (state.frames.len() >= self.max_frames || state.bytes + bytes > self.max_bytes);
        if full || state.closed {
            let first = !state.overflowing;
            state.overflowing = true;
            return Pushed::Dropped { first };
        }
        state.overflowing = false;
        state.bytes += bytes;
        state.frames.push_back((frame, bytes));
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        Pushed::Queued
    }

    /// The number for a new connection; earlier ones get nothing any more.
    pub fn next_connection(&self) -> u64 {
        let mut state = self.lock();
        state.connection += 1;
        let reader = state.reader.take();
        let connection = state.connection;
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        connection
    }

    /// The next frame for a connection; `None` if it is not the newest one, or the
    /// queue is closed and empty.
    pub fn poll_pop(
        &self,
        connection: u64,
        context: &mut Context<'_>,
    ) -> Poll<Option<wire::Frame>> {
        let mut state = self.lock();
        if state.connection != connection {
            return Poll::Ready(None);
        }
        match state.frames.pop_front() {
            Some((frame, bytes)) => {
                state.bytes -= bytes;
                Poll::Ready(Some(frame))
            }
            None if state.closed => Poll::Ready(None),
            None => {
                state.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Waits until something is in the queue, or it is closed.
    pub async fn filled(&self) {
        std::future::poll_fn(|context| {
            let mut state = self.lock();
            if state.closed || !state.frames.is_empty() {
                return Poll::Ready(());
            }
            state.reader = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Drops all frames; says how many there were.
    pub fn clear(&self) -> usize {
        let mut state = self.lock();
        let dropped = state.frames.len();
        state.frames.clear();
        state.bytes = 0;
        dropped
    }

    /// Takes no more frames; those that wait may still leave.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Whether the queue takes no more frames.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(group: u64) -> wire::Frame {
        wire::Frame { group, body: None }
    }

    fn pop(queue: &LaneQueue, connection: u64) -> Poll<Option<u64>> {
        let mut context = Context::from_waker(Waker::noop());
        queue.poll_pop(connection, &mut context).map(|frame| frame.map(|frame| frame.group))
    }

    #[test]
    fn frames_leave_in_order() {
        let queue = LaneQueue::new(10, 100);
        let connection = queue.next_connection();
        assert_eq!(pop(&queue, connection), Poll::Pending);
        assert_eq!(queue.push(frame(1), 10), Pushed::Queued);
        assert_eq!(queue.push(frame(2), 10), Pushed::Queued);
        assert_eq!(pop(&queue, connection), Poll::Ready(Some(1)));
        assert_eq!(pop(&queue, connection), Poll::Ready(Some(2)));
        assert_eq!(pop(&queue, connection), Poll::Pending);
    }

    #[test]
    fn both_bounds_hold_and_only_the_first_loss_is_told() {
        let queue = LaneQueue::new(2, 100);
        let connection = queue.next_connection();
        queue.push(frame(1), 1);
        queue.push(frame(2), 1);
        assert_eq!(queue.push(frame(3), 1), Pushed::Dropped { first: true });
        assert_eq!(queue.push(frame(4), 1), Pushed::Dropped { first: false });
        assert_eq!(pop(&queue, connection), Poll::Ready(Some(1)));
        assert_eq!(queue.push(frame(5), 1), Pushed::Queued);
        assert_eq!(queue.push(frame(6), 1), Pushed::Dropped { first: true });

        assert_eq!(queue.clear(), 2);
        assert_eq!(queue.push(frame(7), 1000), Pushed::Queued, "one always has room");
        assert_eq!(queue.push(frame(8), 1), Pushed::Dropped { first: true });
    }

    #[test]
    fn a_connection_that_was_replaced_gets_nothing() {
        let queue = LaneQueue::new(10, 100);
        let old = queue.next_connection();
        queue.push(frame(1), 1);
        let new = queue.next_connection();
        assert_eq!(pop(&queue, old), Poll::Ready(None));
        assert_eq!(pop(&queue, new), Poll::Ready(Some(1)));
    }

    #[test]
    fn a_closed_queue_is_drained_and_takes_nothing() {
        let queue = LaneQueue::new(10, 100);
        let connection = queue.next_connection();
        queue.push(frame(1), 1);
        queue.close();
        assert_eq!(queue.push(frame(2), 1), Pushed::Dropped { first: true });
        assert_eq!(pop(&queue, connection), Poll::Ready(Some(1)));
        assert_eq!(pop(&queue, connection), Poll::Ready(None));
    }
}
