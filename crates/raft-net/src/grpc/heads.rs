//! The heads of messages, checked as soon as they are there.
//!
//! A head tells how long its message is. Were it believed, a flipped bit could let this
//! node wait for megabytes while the peer says all that it has to say in a few: its
//! heartbeats would be taken for pieces of that message, and nobody would ever know.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use proto::sealed::{self, BrokenSeal, CHECKSUM_BYTES, HEAD_BYTES};
/// A head and its checksum.
const BYTES: usize = HEAD_BYTES + CHECKSUM_BYTES;

/// The body of a call, that ends in an error at the first head that is not as it was
/// sent.
pub struct CheckedHeads<B> {
    body: B,
    heads: Heads,
}

/// Where in the messages of a stream its bytes are.
#[derive(Default)]
struct Heads {
    /// What is there of a head.
    head: [u8; BYTES],
    filled: usize,
    /// Bytes of the message that come before the next head.
    left: usize,
}

impl<B> CheckedHeads<B> {
    /// Nothing has come yet.
    pub fn new(body: B) -> CheckedHeads<B> {
        CheckedHeads { body, heads: Heads::default() }
    }
}

impl<B> Body for CheckedHeads<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Unpin,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        let frame = frame.map_err(Into::into)?;
        if let Some(bytes) = frame.data_ref() {
            self.heads.pass(bytes).map_err(proto::broken)?;
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Heads {
    /// Lets bytes pass, wherever they are cut.
    fn pass(&mut self, mut bytes: &[u8]) -> Result<(), BrokenSeal> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let passed = self.left.min(bytes.len());
                self.left -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            let taken = (BYTES - self.filled).min(bytes.len());
            self.head[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled == BYTES {
                self.filled = 0;
                self.left = self.length()?;
            }
        }
        Ok(())
    }

    /// The bytes of the message behind the head that has come and its checksum.
    fn length(&self) -> Result<usize, BrokenSeal> {
        let [a, b, c, d, e, checksum @ ..] = self.head;
        sealed::check_head([a, b, c, d, e], checksum)?;
        let bytes = u32::from_be_bytes([b, c, d, e]) as usize;
        bytes.checked_sub(CHECKSUM_BYTES).ok_or(BrokenSeal::TooShort { bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_reads_the_call_knows_why_it_ended() {
        let mut damaged = stream(&[10]);
        damaged[2] ^= 1;
        let mut body = tonic::body::Body::new(CheckedHeads::new(Whole(Some(damaged.into()))));
        let ended = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        let status = ended.expect("it ends").expect_err("it ends in an error");
        assert!(proto::broken_seal(&status).is_some(), "{status:?}");
    }

    /// A body that comes in one piece.
    struct Whole(Option<Bytes>);

    impl Body for Whole {
        type Data = Bytes;
        type Error = Box<dyn std::error::Error + Send + Sync>;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
        }
    }

    /// Messages of these lengths, as they travel.
    fn stream(lengths: &[usize]) -> Vec<u8> {
        let mut stream = Vec::new();
        for length in lengths {
            let head = sealed::head((CHECKSUM_BYTES + length) as u32);
            stream.extend(head);
            stream.extend(sealed::head_checksum(head).to_le_bytes());
            stream.extend(std::iter::repeat_n(0xa5, *length));
        }
        stream
    }

    #[test]
    fn sound_messages_pass_wherever_they_are_cut() {
        let stream = stream(&[0, 1, 300, 4, 70_000]);
        for piece in [1, 2, 3, 7, 64, 1000, stream.len()] {
            let mut heads = Heads::default();
            assert!(stream.chunks(piece).all(|bytes| heads.pass(bytes).is_ok()), "{piece}");
            assert_eq!((heads.filled, heads.left), (0, 0));
        }
    }

    #[test]
    fn a_flipped_bit_in_any_head_is_noticed_before_the_message_comes() {
        let stream = stream(&[10, 20]);
        for (first, end) in [(0, BYTES), (BYTES + 10, 2 * BYTES + 10)] {
            for bit in 8 * first..8 * end {
                let mut damaged = stream.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                let refused = Heads::default().pass(&damaged[..end]);
                assert!(refused.is_err(), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_message_without_room_for_its_checksum_is_refused() {
        let head = sealed::head(3);
        let bytes = [&head[..], &sealed::head_checksum(head).to_le_bytes()].concat();
        assert_eq!(Heads::default().pass(&bytes), Err(BrokenSeal::TooShort { bytes: 3 }));
    }
}
