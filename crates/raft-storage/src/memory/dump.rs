//! The file in which a state in memory travels as a snapshot.
//!
//! One file, `state`. All numbers little-endian:
//!
//! ```text
//!   magic      8 bytes  "BALSAMEM"
//!   format     u32      1
//!   spaces     u32      then the name of each: length u32, bytes
//!   records    each: space u8, key length u32, value length u32, key, value
//!   end        u8       255
//! ```
//!
//! Records come by space and key, so equal states make equal files.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::view::Spaces;
use crate::error::StorageError;
use crate::snapshot_store::{SnapshotSink, SnapshotSource};
use crate::state_store::{Mutation, Space};

const FILE: &str = "state";
const MAGIC: &[u8; 8] = b"BALSAMEM";
const FORMAT: u32 = 1;
const END: u8 = 255;
/// Bytes handed to the sink, or asked of the source, at a time.
const PIECE: usize = 64 * 1024;

pub(super) fn write(
    names: &[String],
    state: &Spaces,
    sink: &mut dyn SnapshotSink,
) -> Result<(), StorageError> {
    sink.begin_file(FILE)?;
    let mut out = BytesMut::with_capacity(PIECE);
    out.put_slice(MAGIC);
    out.put_u32_le(FORMAT);
    out.put_u32_le(names.len() as u32);
    for name in names {
        out.put_u32_le(name.len() as u32);
        out.put_slice(name.as_bytes());
    }
    for space in 0..state.count() as u8 {
        for (key, value) in state.all(Space(space)) {
            out.put_u8(space);
            out.put_u32_le(key.len() as u32);
            out.put_u32_le(value.len() as u32);
            out.put_slice(key);
            out.put_slice(value);
            if out.len() >= PIECE {
                sink.write(&out)?;
                out.clear();
            }
        }
    }
    out.put_u8(END);
    sink.write(&out)
}

pub(super) fn read(
    names: &[String],
    snapshot: &mut dyn SnapshotSource,
) -> Result<Spaces, StorageError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = snapshot.next_chunk(PIECE)? {
        if chunk.file != FILE {
            return Err(foreign(&format!("it holds a file named {:?}", chunk.file)));
        }
        bytes.put_slice(&chunk.bytes);
    }
    decode(names, bytes.freeze()).unwrap_or_else(|| Err(foreign("it is cut off")))
}

/// `None` if the bytes end too early.
fn decode(names: &[String], mut bytes: Bytes) -> Option<Result<Spaces, StorageError>> {
    if take(&mut bytes, MAGIC.len())? != MAGIC[..] {
        return Some(Err(foreign("it was made by another kind of store")));
    }
    let format = bytes.try_get_u32_le().ok()?;
    if format != FORMAT {
        return Some(Err(foreign(&format!("its format is {format}; this version knows {FORMAT}"))));
    }
    let mut found = Vec::new();
    for _ in 0..bytes.try_get_u32_le().ok()? {
        let length = bytes.try_get_u32_le().ok()?;
        found.push(take(&mut bytes, length as usize)?);
    }
    if !found.iter().eq(names.iter().map(String::as_bytes)) {
        return Some(Err(foreign("it holds other spaces")));
    }
    let mut batch = Vec::new();
    loop {
        let space = bytes.try_get_u8().ok()?;
        if space == END {
            break;
        }
        let (key, value) = (bytes.try_get_u32_le().ok()?, bytes.try_get_u32_le().ok()?);
        if usize::from(space) >= names.len() {
            return Some(Err(foreign(&format!("a record names the unknown space {space}"))));
        }
        let key = take(&mut bytes, key as usize)?;
        let value = take(&mut bytes, value as usize)?;
        batch.push(Mutation::Put(Space(space), key, value));
    }
    let mut state = Spaces::empty(names.len());
    state.perform(batch);
    Some(Ok(state))
}

fn take(bytes: &mut Bytes, length: usize) -> Option<Bytes> {
    (bytes.len() >= length).then(|| bytes.split_to(length))
}

fn foreign(what: &str) -> StorageError {
    let source = io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    StorageError::io("install a snapshot into", "memory", source)
}
