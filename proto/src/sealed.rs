//! A checksum around each message between nodes.
//!
//! What nodes say to each other becomes part of a replicated log, where a flipped bit
//! would be kept for good. The checksum of TCP is too weak to rule that out, and ends
//! at the next box that takes packets apart. So each message travels sealed:
//!
//! ```text
//!   checksum, 4 bytes, little-endian │ the message in protobuf
//! ```
//!
//! The checksum is the CRC32C of the message, continued from the message before it in
//! the same direction of the same stream, and from 0 for the first one: so the loss of
//! a message in the middle of a stream is noticed with the next. It is compared before
//! anything in the message is looked at. A stream on which it is wrong once cannot be
//! read any further.
//!
//! With the feature `grpc` `SealedCodec` does this for whole services. gRPC puts a head
//! before each message that tells its length, and a receiver with a wrong length would
//! wait for bytes that nobody sends. So the head gets a checksum of its own, which can be
//! compared as soon as it is there:
//!
//! ```text
//!   gRPC's head: 0, length (4 bytes) │ checksum of the head │ checksum │ the message
//! ```

use std::error::Error;
use std::fmt;

/// The length of a checksum, in bytes.
pub const CHECKSUM_BYTES: usize = 4;

/// The length of gRPC's head of a message, in bytes.
pub const HEAD_BYTES: usize = 5;

/// gRPC's head of a message of so many bytes, checksums included, that is not
/// compressed.
pub fn head(bytes: u32) -> [u8; HEAD_BYTES] {
    let [a, b, c, d] = bytes.to_be_bytes();
    [0, a, b, c, d]
}

/// Compares the checksum that follows gRPC's head of a message with the head.
///
/// # Errors
///
/// If it is another one: where the message ends is not known.
pub fn check_head(
    head: [u8; HEAD_BYTES],
    checksum: [u8; CHECKSUM_BYTES],
) -> Result<(), BrokenSeal> {
    let (expected, found) = (u32::from_le_bytes(checksum), head_checksum(head));
    if expected == found { Ok(()) } else { Err(BrokenSeal::WrongChecksum { expected, found }) }
}

/// The checksum that follows gRPC's head of a message.
pub fn head_checksum(head: [u8; HEAD_BYTES]) -> u32 {
    crc32c::crc32c(&head)
}

/// One direction of one stream, at its sender or at its receiver.
#[derive(Clone, Debug, Default)]
pub struct Seal {
    /// The checksum of the last message.
    last: u32,
}

/// A message that is not what was sent, or does not stand where it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenSeal {
    /// It ends before its checksum does.
    TooShort {
        /// Its bytes.
        bytes: usize,
    },
    /// Its checksum is not the one that was sent with it.
    WrongChecksum {
        /// What was sent with it.
        expected: u32,
        /// What it has.
        found: u32,
    },
}

impl Seal {
    /// The checksum of the next message that is sent.
    pub fn next(&mut self, message: &[u8]) -> u32 {
        self.last = crc32c::crc32c_append(self.last, message);
        self.last
    }

    /// Compares the checksum of the next message that came; gives the message without
    /// it.
    ///
    /// # Errors
    ///
    /// If it is another one: whatever comes on this stream from now on is worth nothing.
    pub fn open<'a>(&mut self, sealed: &'a [u8]) -> Result<&'a [u8], BrokenSeal> {
        let Some((checksum, message)) = sealed.split_first_chunk::<CHECKSUM_BYTES>() else {
            return Err(BrokenSeal::TooShort { bytes: sealed.len() });
        };
        let (expected, found) = (u32::from_le_bytes(*checksum), self.next(message));
        if expected != found {
            return Err(BrokenSeal::WrongChecksum { expected, found });
        }
        Ok(message)
    }
}

impl fmt::Display for BrokenSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BrokenSeal::TooShort { bytes } => {
                write!(f, "a message was cut on its way: {bytes} bytes of it are left")
            }
            BrokenSeal::WrongChecksum { expected, found } => write!(
                f,
                "a message was damaged on its way: its checksum is {found:08x}, not {expected:08x}"
            ),
        }
    }
}

impl Error for BrokenSeal {}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(seal: &mut Seal, message: &[u8]) -> Vec<u8> {
        [&seal.next(message).to_le_bytes(), message].concat()
    }

    #[test]
    fn what_was_sealed_comes_out() {
        let (mut sender, mut receiver) = (Seal::default(), Seal::default());
        for message in [&b"one"[..], b"", b"three"] {
            let sealed = sealed(&mut sender, message);
            assert_eq!(receiver.open(&sealed), Ok(message));
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let whole = sealed(&mut Seal::default(), b"to be replicated");
        for bit in 0..8 * whole.len() {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let opened = Seal::default().open(&damaged);
            assert!(matches!(opened, Err(BrokenSeal::WrongChecksum { .. })), "bit {bit}");
        }
    }

    #[test]
    fn a_message_that_is_missing_or_comes_again_is_noticed() {
        let mut sender = Seal::default();
        let messages = [&b"one"[..], b"two", b"three"].map(|each| sealed(&mut sender, each));
        for wrong in [[0, 2], [0, 0]] {
            let mut receiver = Seal::default();
            assert!(receiver.open(&messages[wrong[0]]).is_ok());
            assert!(receiver.open(&messages[wrong[1]]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn every_flipped_bit_of_a_head_is_noticed() {
        let checksum = head_checksum(head(1000)).to_le_bytes();
        assert_eq!(check_head(head(1000), checksum), Ok(()));
        for bit in 0..8 * HEAD_BYTES {
            let mut damaged = head(1000);
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(check_head(damaged, checksum).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_message_without_a_whole_checksum_is_refused() {
        let refused = Seal::default().open(&[1, 2, 3]).expect_err("it is too short");
        assert_eq!(refused, BrokenSeal::TooShort { bytes: 3 });
        assert!(refused.to_string().contains("3 bytes"), "{refused}");
    }
}
