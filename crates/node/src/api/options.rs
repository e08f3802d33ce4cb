//! What a server is told besides where to listen, and every bound of it.

use std::net::TcpListener;
use std::time::Duration;

use super::gate::Bounds;

/// Sockets that listen already.
#[derive(Debug, Default)]
pub struct Listeners {
    /// For clients: gRPC, and HTTP unless `http` has sockets.
    pub clients: Vec<TcpListener>,
    /// For HTTP alone. With any of these, `clients` serve gRPC alone.
    pub http: Vec<TcpListener>,
    /// For metrics and health checks alone.
    pub metrics: Vec<TcpListener>,
}

/// Settings of a server. The defaults are etcd's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of one request. What wraps it may come on top; see
    /// [`Options::MESSAGE_OVERHEAD`].
    pub request_bytes: usize,
    /// Steps in each branch of a transaction.
    pub txn_ops: u64,
    /// Requests for keys that may be open at a time, on all connections. One more is
    /// told so at once.
    pub open_requests: u64,
    /// Bytes of what they sent, but for those of up to [`Options::SMALL_BYTES`].
    pub open_bytes: u64,
    /// How long one of them may take to be sent whole.
    pub sending_timeout: Duration,
    /// Bytes of answers that one connection may leave unread; from then on it is refused
    /// all requests for keys.
    pub unread_bytes: u64,
    /// Bytes of answers that all connections together may leave unread; from then on
    /// those that do are refused.
    pub all_unread_bytes: u64,
    /// Requests that one connection may have open at a time.
    pub concurrent_streams: u32,
    /// A connection on which nothing has come for this long is asked whether it
    /// still lives; zero: never.
    pub keepalive_interval: Duration,
    /// How long it has to answer.
    pub keepalive_timeout: Duration,
    /// How far apart a client's own questions must be, while nothing is sent to it;
    /// one that asks more often is cut off.
    pub keepalive_min_time: Duration,
    /// How long a connection may take for a request's head, or be open without ever
    /// asking for anything.
    pub head_timeout: Duration,
    /// How long open requests may take to end when the server shuts down.
    pub drain_timeout: Duration,
    /// Threads that serve clients, at least 1.
    pub threads: usize,
    /// Whether latencies are counted for each method, in histograms.
    pub extensive_metrics: bool,
}

impl Options {
    /// Bytes that a message may have beyond [`Options::request_bytes`]: a request
    /// that is a little too large is told so by its own error.
    pub const MESSAGE_OVERHEAD: usize = 512 * 1024;

    /// Bytes of a request for keys that is let in whatever others have sent.
    pub const SMALL_BYTES: u64 = 4096;

    /// What requests for keys may take.
    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            requests: self.open_requests,
            bytes: self.open_bytes,
            small: Options::SMALL_BYTES,
            sending: self.sending_timeout,
            unread: self.unread_bytes,
            all_unread: self.all_unread_bytes,
        }
    }

    /// Bytes of the largest message that is taken in.
    pub fn message_bytes(&self) -> usize {
        self.request_bytes.saturating_add(Options::MESSAGE_OVERHEAD)
    }
}

impl Default for Options {
    fn default() -> Options {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Options {
            request_bytes: 1536 * 1024,
            txn_ops: 128,
            open_requests: 10_000,
            open_bytes: 32 << 20,
            sending_timeout: Duration::from_secs(60),
            unread_bytes: 64 << 20,
            all_unread_bytes: 512 << 20,
            concurrent_streams: u32::MAX,
            keepalive_interval: Duration::from_secs(2 * 60 * 60),
            keepalive_timeout: Duration::from_secs(20),
            keepalive_min_time: Duration::from_secs(5),
            head_timeout: Duration::from_secs(5 * 60),
            drain_timeout: Duration::from_secs(2),
            // The workers of the node need the others.
            threads: cores.div_ceil(2).clamp(1, 8),
            extensive_metrics: false,
        }
    }
}
