//! What the two files have in common. All numbers are little-endian.
//!
//! ```text
//!   meta   term u64, index u64, membership format u8, length u32, membership
//! ```

use bytes::{Buf, BufMut, Bytes, TryGetError};
use raft_core::{BrokenLog, Index, Membership, Position, SnapshotMeta, Term};

/// Bytes that this program did not write.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They end too early.
    #[error("it is cut off")]
    CutOff,
    /// They say something that cannot be; tells what.
    #[error("{0}")]
    Nonsense(&'static str),
    /// The entries in them do not form a log.
    #[error(transparent)]
    BrokenLog(#[from] BrokenLog),
}

impl From<TryGetError> for DecodeError {
    fn from(_: TryGetError) -> DecodeError {
        DecodeError::CutOff
    }
}

/// Appends bytes with their length.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.put_u32_le(u32::try_from(bytes.len()).expect("nothing here has 4 GiB"));
    out.put_slice(bytes);
}

/// Takes bytes with their length.
pub fn take_bytes(bytes: &mut Bytes) -> Result<Bytes, DecodeError> {
    let length = bytes.try_get_u32_le()? as usize;
    if bytes.len() < length { Err(DecodeError::CutOff) } else { Ok(bytes.split_to(length)) }
}

/// Appends a meta.
pub fn put_meta(out: &mut Vec<u8>, meta: &SnapshotMeta) {
    out.put_u64_le(meta.position.term.0);
    out.put_u64_le(meta.position.index.0);
    out.put_u8(Membership::FORMAT);
    put_bytes(out, &meta.membership.encode());
}

/// Takes a meta.
pub fn take_meta(bytes: &mut Bytes) -> Result<SnapshotMeta, DecodeError> {
    let (term, index) = (Term(bytes.try_get_u64_le()?), Index(bytes.try_get_u64_le()?));
    let format = bytes.try_get_u8()?;
    let membership = Membership::decode(format, &take_bytes(bytes)?)
        .map_err(|_| DecodeError::Nonsense("its membership cannot be decoded"))?;
    Ok(SnapshotMeta { position: Position { term, index }, membership })
}
