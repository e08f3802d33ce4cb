//! A stream whose small writes leave together.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is gathered at most, in bytes.
const ROOM: usize = 16 * 1024;
/// What is larger gains nothing by waiting and would only be copied, in bytes.
const LARGE: usize = ROOM / 2;

/// A stream whose small writes leave together, once all tasks that are ready have
/// run.
///
/// A batch of commands that is applied answers many requests at once, and each of
/// them is a task that hands its answer to the connection. Without this the
/// connection runs after each of them and writes the answers one by one, which
/// costs more than all else that is done for them. With it the connection lines up
/// behind them once more, and writes what all of them said.
///
/// What was gathered is written when the task is polled again, for which this wakes
/// it: a flush says that it is done before that. So this is for the task of a
/// connection, which reads or flushes whenever it is polled, and shuts down what it
/// ends in order.
#[derive(Debug)]
pub struct Gathered<S> {
    inner: S,
    gathered: BytesMut,
    /// Whether the others have had their turn since the flush.
    is_due: bool,
}

impl<S> Gathered<S> {
    /// Gathers what is written to a stream.
    pub fn new(inner: S) -> Gathered<S> {
        Gathered { inner, gathered: BytesMut::new(), is_due: false }
    }
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    /// Takes a write of this many bytes if it is to wait for others. Before one that
    /// is not, what was gathered leaves.
    fn poll_gather(
        &mut self,
        context: &mut Context<'_>,
        length: usize,
    ) -> Poll<io::Result<Option<&mut BytesMut>>> {
        if self.gathered.len() + length > ROOM || length > LARGE {
            ready!(self.poll_leave(context))?;
        }
        Poll::Ready(Ok((length <= LARGE).then_some(&mut self.gathered)))
    }

    /// Writes what was gathered.
    fn poll_leave(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.gathered.is_empty() {
            let written = Pin::new(&mut self.inner).poll_write(context, &self.gathered);
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.gathered.advance(written),
            }
        }
        // An idle connection holds no memory for this.
        self.gathered = BytesMut::new();
        self.is_due = false;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_due
            && let Poll::Ready(Err(error)) = self.poll_leave(context)
        {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(gathered) = ready!(self.poll_gather(context, bytes.len()))? {
            gathered.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        if let Some(gathered) = ready!(self.poll_gather(context, length))? {
            slices.iter().for_each(|slice| gathered.extend_from_slice(slice));
            return Poll::Ready(Ok(length));
        }
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.gathered.is_empty() && !self.is_due {
            self.is_due = true;
            context.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_leave(context))?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_leave(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// What came through, write by write, of a stream that takes all.
    #[derive(Default)]
    struct Writes(Vec<Vec<u8>>);

    impl AsyncWrite for Writes {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.0.push(bytes.to_vec());
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Counts how often a task was woken.
    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn is_done<T>(poll: Poll<io::Result<T>>) -> bool {
        matches!(poll, Poll::Ready(Ok(_)))
    }

    #[test]
    fn what_is_said_until_the_task_is_polled_again_is_one_write() {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let context = &mut Context::from_waker(&waker);
        let mut stream = Gathered::new(Writes::default());
        let mut stream = Pin::new(&mut stream);
        assert!(is_done(stream.as_mut().poll_write(context, b"a")));
        assert!(is_done(stream.as_mut().poll_flush(context)));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "nobody else would come back to it");
        let parts = [IoSlice::new(b"b"), IoSlice::new(b"c")];
        assert!(is_done(stream.as_mut().poll_write_vectored(context, &parts)));
        assert!(stream.inner.0.is_empty());
        assert!(is_done(stream.as_mut().poll_flush(context)));
        assert_eq!(stream.inner.0, [b"abc"]);
        assert!(is_done(stream.as_mut().poll_flush(context)));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "there was nothing to flush");
    }

    #[test]
    fn what_is_large_follows_what_was_gathered_at_once() {
        let context = &mut Context::from_waker(Waker::noop());
        let mut stream = Gathered::new(Writes::default());
        let mut stream = Pin::new(&mut stream);
        let large = vec![7; LARGE + 1];
        assert!(is_done(stream.as_mut().poll_write(context, b"small")));
        assert!(is_done(stream.as_mut().poll_write(context, &large)));
        assert_eq!(stream.inner.0, [b"small".to_vec(), large]);
    }

    #[test]
    fn no_more_than_the_room_is_gathered() {
        let context = &mut Context::from_waker(Waker::noop());
        let mut stream = Gathered::new(Writes::default());
        let mut stream = Pin::new(&mut stream);
        for _ in 0..100 {
            assert!(is_done(stream.as_mut().poll_write(context, &[1; 1000])));
            assert!(stream.gathered.len() <= ROOM);
        }
        assert_eq!(stream.inner.0.len(), 6);
        assert!(stream.inner.0.iter().all(|write| write.len() > ROOM - 1000));
    }

    #[test]
    fn the_end_takes_along_what_was_gathered() {
        let context = &mut Context::from_waker(Waker::noop());
        let mut stream = Gathered::new(Writes::default());
        let mut stream = Pin::new(&mut stream);
        assert!(is_done(stream.as_mut().poll_write(context, b"bye")));
        assert!(is_done(stream.as_mut().poll_shutdown(context)));
        assert_eq!(stream.inner.0, [b"bye"]);
    }

    #[tokio::test]
    async fn nothing_is_lost_or_moved_where_the_other_side_reads_slowly() {
        let (mut reader, writer) = duplex(700);
        let sizes = [1, 300, LARGE, LARGE + 1, 5, 4000, ROOM + 3, 0, 9];
        let sent: Vec<u8> = (0..20 * sizes.iter().sum::<usize>()).map(|at| at as u8).collect();
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            let mut writer = Gathered::new(writer);
            let mut left = &sent[..];
            for size in sizes.iter().cycle().take(20 * sizes.len()) {
                let (piece, rest) = left.split_at(*size);
                writer.write_all(piece).await.expect("somebody reads");
                writer.flush().await.expect("somebody reads");
                left = rest;
            }
            writer.shutdown().await.expect("somebody reads");
        });
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.expect("it ends");
        writing.await.expect("it does not panic");
        assert!(received == expected);
    }

    #[tokio::test]
    async fn a_task_that_only_reads_tells_what_it_said_before() {
        let (mut client, server) = duplex(64);
        let serving = tokio::spawn(async move {
            let mut server = Gathered::new(server);
            server.write_all(b"welcome").await.expect("the client is there");
            server.flush().await.expect("the client is there");
            let mut bytes = [0; 8];
            poll_fn(|context| {
                let mut buffer = ReadBuf::new(&mut bytes);
                Pin::new(&mut server).poll_read(context, &mut buffer)
            })
            .await
        });
        let mut told = [0; 7];
        client.read_exact(&mut told).await.expect("it comes without a word from here");
        assert_eq!(&told, b"welcome");
        drop(client);
        serving.await.expect("it does not panic").expect("the end is no error");
    }
}
