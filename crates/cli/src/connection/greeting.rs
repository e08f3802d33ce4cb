//! The first bytes that a server sends.
//!
//! A system takes connections for a process that is halted or hangs, so that an open
//! connection proves nothing. A server that speaks HTTP/2 greets, with a frame of its
//! settings (RFC 9113, section 3.4); whoever greets differently is no server of ours,
//! and its first bytes often tell what it is.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// Length of the head of a frame: three bytes of length, then its type.
const HEAD: usize = 9;

/// Where the type of a frame stands in its head.
const TYPE: usize = 3;

/// The type of a frame with settings.
const SETTINGS: u8 = 4;

/// The first byte of a message of TLS: a handshake or an alert.
const TLS: [u8; 2] = [0x16, 0x15];

/// Who listens there, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// A server that speaks HTTP/2.
    Http2,
    /// A server that wants TLS.
    Tls,
    /// A server that speaks HTTP/1 only.
    Http1,
    /// Something else.
    Other,
}

impl Greeting {
    /// What these bytes mean; `None` if there are too few of them yet.
    pub fn of(bytes: &[u8]) -> Option<Greeting> {
        // The text is what servers written in Go tell a client that came without TLS.
        let text = String::from_utf8_lossy(bytes);
        match bytes {
            [first, ..] if TLS.contains(first) => Some(Greeting::Tls),
            _ if text.contains("HTTP request to an HTTPS server") => Some(Greeting::Tls),
            [b'H', b'T', b'T', b'P', ..] => Some(Greeting::Http1),
            _ if bytes.len() < HEAD => None,
            _ if bytes[TYPE] == SETTINGS => Some(Greeting::Http2),
            _ => Some(Greeting::Other),
        }
    }
}

/// A connection that reports how the server greets.
pub struct Greeted {
    stream: TcpStream,
    first: Vec<u8>,
    report: Option<oneshot::Sender<Greeting>>,
}

impl Greeted {
    /// The connection, and what will come of its greeting: nothing if it ends before.
    pub fn new(stream: TcpStream) -> (Greeted, oneshot::Receiver<Greeting>) {
        let (report, greeting) = oneshot::channel();
        (Greeted { stream, first: Vec::new(), report: Some(report) }, greeting)
    }

    fn note(&mut self, bytes: &[u8]) {
        if self.report.is_none() {
            return;
        }
        self.first.extend_from_slice(bytes);
        if let Some(greeting) = Greeting::of(&self.first)
            && let Some(report) = self.report.take()
        {
            self.first = Vec::new();
            // Whoever waited may have given up.
            let _ = report.send(greeting);
        }
    }
}

impl AsyncRead for Greeted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if matches!(polled, Poll::Ready(Ok(()))) {
            self.note(&buffer.filled()[before..]);
        }
        polled
    }
}

impl AsyncWrite for Greeted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_who_listens() {
        for (bytes, greeting) in [
            (&b"\0\0\x12\x04\0\0\0\0\0"[..], Some(Greeting::Http2)),
            (b"\0\0\x12\x04\0\0", None),
            (b"", None),
            (b"\x15\x03\x01\0\x02\x02\x46", Some(Greeting::Tls)),
            (b"HTTP/1.1 400 Bad Request\r\n", Some(Greeting::Http1)),
            (
                b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
                Some(Greeting::Tls),
            ),
            (b"220 mail.example ESMTP", Some(Greeting::Other)),
        ] {
            assert_eq!(Greeting::of(bytes), greeting, "{bytes:?}");
        }
    }
}
