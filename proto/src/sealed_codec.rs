//! gRPC messages that travel [sealed].

use std::error::Error as _;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::{Buf, BufMut};
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::sealed::{self, BrokenSeal, CHECKSUM_BYTES, Seal};

/// A buffer that has grown beyond this, in bytes, is not kept for the next message.
const KEPT_BYTES: usize = 1 << 20;

/// The codec of a service whose messages are sealed.
#[derive(Debug)]
pub struct SealedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for SealedCodec<T, U> {
    fn default() -> SealedCodec<T, U> {
        SealedCodec(PhantomData)
    }
}

impl<T, U> Codec for SealedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = Sealer<T>;
    type Decoder = Opener<U>;

    fn encoder(&mut self) -> Sealer<T> {
        Sealer { seal: Seal::default(), buffer: Vec::new(), messages: PhantomData }
    }

    fn decoder(&mut self) -> Opener<U> {
        Opener { seal: Seal::default(), messages: PhantomData }
    }
}

/// Whether a call or a stream ended because of what came to this side: a message whose
/// seal was broken. What the other side says of its own is not that.
pub fn broken_seal(status: &Status) -> Option<BrokenSeal> {
    status.source()?.downcast_ref().copied()
}

/// Seals what a stream sends.
#[derive(Debug)]
pub struct Sealer<T> {
    seal: Seal,
    /// A message before it is sealed: the checksum stands before it.
    buffer: Vec<u8>,
    messages: PhantomData<T>,
}

impl<T: Message> Encoder for Sealer<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, message: T, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        self.buffer.clear();
        message.encode(&mut self.buffer).expect("a vector has room for any message");
        let bytes = 2 * CHECKSUM_BYTES + self.buffer.len();
        let Ok(length) = u32::try_from(bytes) else {
            return Err(Status::resource_exhausted("a message above 4 GB cannot be sent"));
        };
        out.reserve(bytes);
        out.put_u32_le(sealed::head_checksum(sealed::head(length)));
        out.put_u32_le(self.seal.next(&self.buffer));
        out.put_slice(&self.buffer);
        if self.buffer.capacity() > KEPT_BYTES {
            self.buffer = Vec::new();
        }
        Ok(())
    }
}

/// Opens what comes on a stream.
#[derive(Debug)]
pub struct Opener<U> {
    seal: Seal,
    messages: PhantomData<U>,
}

impl<U: Message + Default> Decoder for Opener<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, sealed: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // Whoever wants to know it early has compared the head's checksum by now; here it
        // is certain that the length is right.
        if sealed.remaining() < CHECKSUM_BYTES {
            return Err(broken(BrokenSeal::TooShort { bytes: sealed.remaining() }));
        }
        sealed.advance(CHECKSUM_BYTES);
        // A message lies in one piece, so that the chunk is all of it.
        self.seal.open(sealed.chunk()).map_err(broken)?;
        sealed.advance(CHECKSUM_BYTES);
        let message = U::decode(sealed)
            .map_err(|error| Status::invalid_argument(format!("not a peer's message: {error}")))?;
        Ok(Some(message))
    }
}

/// What a call or a stream ends with where a seal is broken.
pub fn broken(seal: BrokenSeal) -> Status {
    let mut status = Status::data_loss(seal.to_string());
    status.set_source(Arc::new(seal));
    status
}
