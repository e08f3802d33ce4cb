//! Calls that leave whole.
//!
//! What makes a call hands over its head, its message and its end one after the other,
//! each in a task of its own, and a connection that runs after each of them sends three
//! packets. The node then wakes three times for one call, and where both share the
//! processors the load costs what the nodes could use. Go's gRPC, which most clients of
//! etcd stand on, sends such a call in one piece too.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tonic::transport::Uri;
use tower_service::Service;

/// Makes connections to nodes whose calls leave whole.
#[derive(Clone, Copy, Debug)]
pub struct Connector;

impl Service<Uri> for Connector {
    type Response = TokioIo<Whole<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(async move {
            let address = uri.authority().map_or("", |authority| authority.as_str());
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(TokioIo::new(Whole::new(stream)))
        })
    }
}

/// A stream on which the first write after a flush lets all tasks go first that are
/// ready, once.
#[derive(Debug)]
pub struct Whole<S> {
    inner: S,
    /// Whether they went.
    is_due: bool,
}

impl<S> Whole<S> {
    fn new(inner: S) -> Whole<S> {
        Whole { inner, is_due: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Whole<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

// It is not vectored on purpose: what is written so is cut at every message.
impl<S: AsyncWrite + Unpin> AsyncWrite for Whole<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.is_due {
            self.is_due = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_flush(context))?;
        self.is_due = false;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn the_first_write_after_a_flush_waits_for_the_others_once() {
        let (mut reader, writer) = duplex(64);
        let mut writer = Whole::new(writer);
        let mut waits = 0;
        for (byte, flush) in [(b"a", false), (b"b", true), (b"c", true)] {
            poll_fn(|context| {
                let polled = Pin::new(&mut writer).poll_write(context, byte);
                waits += usize::from(polled.is_pending());
                polled
            })
            .await
            .expect("somebody reads");
            if flush {
                poll_fn(|context| Pin::new(&mut writer).poll_flush(context)).await.expect("reads");
            }
        }
        assert_eq!(waits, 2, "before a and before c");
        drop(writer);
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.expect("it ends");
        assert_eq!(received, b"abc");
    }
}
