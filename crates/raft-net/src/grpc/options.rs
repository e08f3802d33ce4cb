//! Every limit and time of the gRPC transport, in one place.

use std::time::Duration;

/// The settings of a [`GrpcTransport`](super::GrpcTransport).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Frames that wait in one lane to one peer.
    pub queue_frames: usize,
    /// Bytes that wait so; one frame always may, however large.
    pub queue_bytes: usize,
    /// The largest frame that is sent or taken, in bytes. Above
    /// [`MAX_FRAME_BYTES`](crate::codec::MAX_FRAME_BYTES) it means that.
    pub max_frame_bytes: usize,
    /// Bytes that a stream may have on the way before the receiver has read them.
    /// Round trip times bandwidth fills the line. HTTP/2 allows 2^31 - 1; more
    /// means that.
    pub window_bytes: u32,
    /// How long a TCP connection may take to come about.
    pub connect_timeout: Duration,
    /// How long the handshake may take after that.
    pub handshake_timeout: Duration,
    /// The wait before the second redial; the first comes at once. It doubles up
    /// to `backoff_max`, and each wait is shortened at random by up to a half.
    pub backoff_min: Duration,
    /// The longest wait before a redial.
    pub backoff_max: Duration,
    /// A connection is asked for a sign of life this often…
    pub keepalive_interval: Duration,
    /// … and closed if none comes within this time.
    pub keepalive_timeout: Duration,
    /// A peer that is no longer a member is still written to until nothing was
    /// sent to it for this long: it has to learn that it was removed.
    pub linger: Duration,
    /// How long a shutdown waits for what is queued to leave.
    pub drain_timeout: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            queue_frames: 4096,
            queue_bytes: 64 << 20,
            max_frame_bytes: crate::codec::MAX_FRAME_BYTES,
            window_bytes: 8 << 20,
            connect_timeout: Duration::from_secs(1),
            handshake_timeout: Duration::from_secs(2),
            backoff_min: Duration::from_millis(20),
            backoff_max: Duration::from_secs(1),
            keepalive_interval: Duration::from_secs(5),
            keepalive_timeout: Duration::from_secs(5),
            linger: Duration::from_secs(10),
            drain_timeout: Duration::from_millis(500),
        }
    }
}

impl Options {
    /// The settings within what codec and HTTP/2 allow.
    pub(super) fn bounded(self) -> Options {
        Options {
            max_frame_bytes: self.max_frame_bytes.min(crate::codec::MAX_FRAME_BYTES),
            window_bytes: self.window_bytes.min(i32::MAX as u32),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_possible_means_the_most_that_is() {
        let greedy =
            Options { max_frame_bytes: usize::MAX, window_bytes: u32::MAX, ..Options::default() };
        let bounded = greedy.bounded();
        assert_eq!(bounded.max_frame_bytes, crate::codec::MAX_FRAME_BYTES);
        assert_eq!(bounded.window_bytes, (1 << 31) - 1);
        assert_eq!(Options::default().bounded(), Options::default());
    }
}
