//! The manifest of a snapshot.
//!
//! All numbers little-endian:
//!
//! ```text
//!   magic     8 bytes  "BALSASNP"
//!   format    u32      1
//!   meta               term u64, index u64, membership format u8, length u32, membership
//!   count     u32      of the files, then each:
//!                      name length u32, name, length u64, CRC-32C u32
//!   checksum  u32      CRC-32C of everything before
//! ```

use bytes::BufMut;
use raft_core::SnapshotMeta;

use crate::encoding::{Reader, put_meta};
use crate::error::StorageError;
use crate::files::Files;

/// The manifest's file name; no file of a snapshot may have it.
pub(super) const MANIFEST: &str = "balsa-manifest";

const MAGIC: &[u8; 8] = b"BALSASNP";
const FORMAT: u32 = 1;

/// What a snapshot consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) meta: SnapshotMeta,
    pub(super) files: Vec<FileRecord>,
}

/// One file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileRecord {
    pub(super) name: String,
    /// In bytes.
    pub(super) length: u64,
    /// CRC-32C of the whole file.
    pub(super) checksum: u32,
}

impl Manifest {
    /// Reads the manifest of the snapshot in a folder, and checks that its files
    /// are there and as long as they were.
    pub(super) fn read(files: &dyn Files, folder: &str) -> Result<Manifest, StorageError> {
        let path = format!("{folder}/{MANIFEST}");
        let failed = |error| StorageError::io("read", files.describe(&path), error);
        let file = files.open(&path).map_err(failed)?;
        let mut bytes = vec![0; file.length().map_err(failed)? as usize];
        file.read_at(0, &mut bytes).map_err(failed)?;
        let corrupt = |path: &str, what: &str| StorageError::Corrupt {
            file: files.describe(path),
            offset: 0,
            index: None,
            what: what.to_owned(),
            way_out: StorageError::REPLACE_MEMBER,
        };
        let manifest = decode(&bytes).map_err(|problem| match problem {
            Problem::Damaged(what) => corrupt(&path, what),
            Problem::Newer(format) => StorageError::Refused {
                folder: files.describe(folder),
                why: format!(
                    "its format is {format} and this version reads up to {FORMAT}; \
                     run the version that wrote it, or a later one"
                ),
            },
        })?;
        for record in &manifest.files {
            let path = format!("{folder}/{}", record.name);
            let failed = |error| StorageError::io("open", files.describe(&path), error);
            let length = files.open(&path).and_then(|file| file.length()).map_err(failed)?;
            if length != record.length {
                return Err(corrupt(&path, "its length is not the one in the manifest"));
            }
        }
        Ok(manifest)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_slice(MAGIC);
        out.put_u32_le(FORMAT);
        put_meta(&mut out, &self.meta);
        out.put_u32_le(self.files.len() as u32);
        for file in &self.files {
            out.put_u32_le(file.name.len() as u32);
            out.put_slice(file.name.as_bytes());
            out.put_u64_le(file.length);
            out.put_u32_le(file.checksum);
        }
        out.put_u32_le(crc32c::crc32c(&out));
        out
    }
}

/// Why bytes are no manifest that can be read.
#[derive(Debug)]
enum Problem {
    Damaged(&'static str),
    Newer(u32),
}

impl From<&'static str> for Problem {
    fn from(what: &'static str) -> Problem {
        Problem::Damaged(what)
    }
}

fn decode(bytes: &[u8]) -> Result<Manifest, Problem> {
    let (body, checksum) = bytes.split_last_chunk::<4>().ok_or("it is cut off")?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
        return Err(Problem::Damaged("its checksum does not match"));
    }
    let rest = body.strip_prefix(MAGIC).ok_or("it is no manifest")?;
    let mut reader = Reader { rest };
    let format = reader.u32()?;
    if format != FORMAT {
        return Err(Problem::Newer(format));
    }
    let meta = reader.meta()?;
    let mut files = Vec::new();
    for _ in 0..reader.u32()? {
        let length = reader.u32()? as usize;
        let name = String::from_utf8(reader.take(length)?.to_vec())
            .map_err(|_| "a file's name is not UTF-8")?;
        files.push(FileRecord { name, length: reader.u64()?, checksum: reader.u32()? });
    }
    if !reader.rest.is_empty() {
        return Err(Problem::Damaged("a rest follows"));
    }
    Ok(Manifest { meta, files })
}

#[cfg(test)]
mod tests {
    use raft_core::{Membership, NodeId, Position};

    use super::*;

    #[test]
    fn a_manifest_is_read_back_and_every_flipped_bit_is_found() {
        let membership = Membership::of_voters([NodeId(1), NodeId(2)]);
        let meta = SnapshotMeta { position: Position::new(3, 70), membership };
        let file = FileRecord { name: "state".to_owned(), length: 9, checksum: 77 };
        let manifest = Manifest { meta, files: vec![file] };
        let whole = manifest.encode();
        assert_eq!(decode(&whole).unwrap(), manifest);
        let hex: String = whole.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, GOLDEN, "the format is pinned");
        for at in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            decode(&bytes).unwrap_err();
        }
    }

    const GOLDEN: &str = "42414c5341534e500100000003000000000000004600000000000000014f00000002000000010000\
         00000000000000000000000000000000000002000000000000000000000000000000000000000002\
         00000001000000000000000200000000000000000000000000000000000000000100000005000000\
         737461746509000000000000004d000000e57d67bb";
}
