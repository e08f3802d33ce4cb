//! A stream whose pings are counted.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::{Frame, Frames};
use super::policy::PingPolicy;

/// GOAWAY on stream 0, up to any stream, `ENHANCE_YOUR_CALM`, with the words that
/// gRPC's clients know (RFC 9113, 6.8).
const CALM_DOWN: &[u8; 31] =
    b"\x00\x00\x16\x07\x00\x00\x00\x00\x00\x7f\xff\xff\xff\x00\x00\x00\x0btoo_many_pings";

/// A stream that ends when its client pings too often.
#[derive(Debug)]
pub struct Guarded<S> {
    inner: S,
    policy: PingPolicy,
    received: Frames,
    sent: Frames,
    /// How much of the last words has been sent, once they are to be.
    parting: Option<usize>,
}

impl<S> Guarded<S> {
    /// Guards a stream that nothing was read from yet.
    pub fn new(inner: S, policy: PingPolicy) -> Guarded<S> {
        let (received, sent) = (Frames::of_client(), Frames::of_server());
        Guarded { inner, policy, received, sent, parting: None }
    }

    /// Looks at what came in. Returns whether it was too much.
    fn hear(&mut self, bytes: &[u8]) -> bool {
        let mut is_too_much = false;
        let policy = &mut self.policy;
        self.received.scan(bytes, |frame| {
            is_too_much |= frame == Frame::Ping && policy.ping(Instant::now());
        });
        is_too_much
    }

    /// Looks at what went out.
    fn tell(&mut self, bytes: &[u8]) {
        if self.received.is_http2() {
            let policy = &mut self.policy;
            self.sent.scan(bytes, |frame| {
                if frame == Frame::Content {
                    policy.forgive();
                }
            });
        }
    }
}

impl<S: AsyncWrite + Unpin> Guarded<S> {
    /// Says why, where that would not fall into the middle of something, and ends.
    fn poll_part(&mut self, context: &mut Context<'_>, said: usize) -> Poll<io::Result<()>> {
        let mut said = if self.sent.is_between_frames() { said } else { CALM_DOWN.len() };
        while said < CALM_DOWN.len() {
            self.parting = Some(said);
            said += ready!(Pin::new(&mut self.inner).poll_write(context, &CALM_DOWN[said..]))?;
        }
        self.parting = Some(said);
        Poll::Ready(Err(io::Error::other("the client pings too often")))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(said) = self.parting {
            return self.poll_part(context, said);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        if self.hear(&buffer.filled()[before..]) {
            buffer.set_filled(before);
            return self.poll_part(context, 0);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(context, bytes))?;
        self.tell(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(context, slices))?;
        let mut left = written;
        for slice in slices {
            let taken = left.min(slice.len());
            self.tell(&slice[..taken]);
            left -= taken;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const PING: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    const DATA: &[u8] = &[0, 0, 1, 0, 0, 0, 0, 0, 1, 9];

    fn policy() -> PingPolicy {
        PingPolicy::new(Duration::from_secs(3600))
    }

    #[test]
    fn the_last_words_are_as_long_as_they_say() {
        let length = usize::from(CALM_DOWN[2]);
        assert_eq!(CALM_DOWN.len(), 9 + length);
        assert_eq!(CALM_DOWN[3], 7, "GOAWAY");
        assert_eq!(CALM_DOWN[13..17], [0, 0, 0, 0xb], "ENHANCE_YOUR_CALM");
    }

    #[tokio::test]
    async fn a_client_that_only_pings_is_told_to_calm_down() {
        let (mut client, server) = duplex(4096);
        let mut server = Guarded::new(server, policy());
        client.write_all(&[PREFACE, PING, PING, PING].concat()).await.expect("there is room");
        let mut bytes = [0; 4096];
        assert!(server.read(&mut bytes).await.is_ok(), "so far it is only impatient");
        client.write_all(PING).await.expect("there is room");
        assert!(server.read(&mut bytes).await.is_err());
        drop(server);
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.expect("it ends");
        assert_eq!(told, CALM_DOWN);
    }

    #[tokio::test]
    async fn nothing_is_said_in_the_middle_of_a_frame() {
        let (mut client, server) = duplex(4096);
        let mut server = Guarded::new(server, policy());
        client.write_all(PREFACE).await.expect("there is room");
        let mut bytes = [0; 4096];
        server.read_exact(&mut bytes[..PREFACE.len()]).await.expect("it came");
        server.write_all(&DATA[..5]).await.expect("there is room");
        client.write_all(&PING.repeat(4)).await.expect("there is room");
        assert!(server.read(&mut bytes).await.is_err());
        drop(server);
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.expect("it ends");
        assert_eq!(told, DATA[..5]);
    }

    #[tokio::test]
    async fn a_client_that_gets_answers_may_ping() {
        let (mut client, server) = duplex(4096);
        let mut server = Guarded::new(server, policy());
        client.write_all(PREFACE).await.expect("there is room");
        let mut bytes = [0; 4096];
        server.read_exact(&mut bytes[..PREFACE.len()]).await.expect("it came");
        for _ in 0..20 {
            let parts = [IoSlice::new(&DATA[..9]), IoSlice::new(&DATA[9..])];
            let written = server.write_vectored(&parts).await.expect("there is room");
            assert_eq!(written, DATA.len());
            client.write_all(PING).await.expect("there is room");
            server.read_exact(&mut bytes[..PING.len()]).await.expect("it is welcome");
        }
    }
}
