//! Whose folder it is: the lock and the identity that each store's folder has.
//!
//! The file `identity`, 40 bytes, all numbers little-endian:
//!
//! ```text
//!    0  magic     8 bytes  "BALSADIR"
//!    8  format    u32      the version of everything in the folder; 1
//!   12  storage   u64      drawn when the folder was created
//!   20  node      u64      whose folder it is
//!   28  cluster   u64      and in which cluster
//!   36  checksum  u32      CRC-32C of all before; every later format ends so too
//! ```
//!
//! It is written under another name, synced, and renamed, after everything else
//! that belongs to a new folder is durable: a folder with an identity is whole.

use std::io::ErrorKind;

use bytes::{Buf, BufMut};
use raft_core::NodeId;

use crate::error::StorageError;
use crate::files::{Files, Lock};

const IDENTITY: &str = "identity";
const IDENTITY_TEMPORARY: &str = "identity.tmp";
const LOCK: &str = "lock";
const MAGIC: &[u8; 8] = b"BALSADIR";
const LENGTH: usize = 40;

/// The identity of a store's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderId {
    /// Drawn at random when the folder was created. A node that comes back with
    /// another one has lost what it promised.
    pub storage: u64,
    /// The node that the folder belongs to.
    pub node: NodeId,
    /// The cluster that the node belongs to.
    pub cluster: u64,
}

impl FolderId {
    /// The version of the folder's format that this code writes, and the newest
    /// that it reads.
    pub const FORMAT: u32 = 1;

    /// The identity of a folder, without taking its lock; `None` if the folder
    /// is new.
    ///
    /// # Errors
    ///
    /// [`StorageError::Refused`] for a newer format, [`StorageError::Corrupt`]
    /// if the identity is damaged.
    pub fn read(files: &dyn Files) -> Result<Option<FolderId>, StorageError> {
        let name = files.describe(IDENTITY);
        let file = match files.open(IDENTITY) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StorageError::io("open", name, error)),
        };
        let failed = |error| StorageError::io("read", name.clone(), error);
        let length = file.length().map_err(failed)?;
        let mut bytes = vec![0; usize::try_from(length.min(4_096)).unwrap_or(0)];
        file.read_at(0, &mut bytes).map_err(failed)?;
        decode(&bytes, files.describe(""), name).map(Some)
    }

    /// Refuses the folder unless it belongs to this node of this cluster.
    pub(crate) fn check(
        &self,
        files: &dyn Files,
        node: NodeId,
        cluster: u64,
    ) -> Result<(), StorageError> {
        let why = if self.cluster != cluster {
            format!(
                "it belongs to cluster {:x}, not to {cluster:x}; \
                 give this node its own data folder",
                self.cluster
            )
        } else if self.node != node {
            format!(
                "it belongs to node {}, not to {node}; give this node its own data folder",
                self.node
            )
        } else {
            return Ok(());
        };
        Err(StorageError::Refused { folder: files.describe(""), why })
    }

    /// Makes the folder whole: durable on return.
    pub(crate) fn write(&self, files: &dyn Files) -> Result<(), StorageError> {
        let failed = |error| StorageError::io("write", files.describe(IDENTITY), error);
        match files.remove(IDENTITY_TEMPORARY) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let file = files.create(IDENTITY_TEMPORARY).map_err(failed)?;
        file.write_at(0, &encode(self)).map_err(failed)?;
        file.sync().map_err(failed)?;
        files.rename(IDENTITY_TEMPORARY, IDENTITY).map_err(failed)?;
        files.sync_folder("").map_err(failed)
    }
}

/// Takes the folder for this process.
pub(crate) fn lock(files: &dyn Files) -> Result<Box<dyn Lock>, StorageError> {
    files.lock(LOCK).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => StorageError::Refused {
            folder: files.describe(""),
            why: "another process uses it; stop that one first".to_owned(),
        },
        _ => StorageError::io("lock", files.describe(LOCK), error),
    })
}

fn encode(id: &FolderId) -> Vec<u8> {
    let mut out = Vec::with_capacity(LENGTH);
    out.put_slice(MAGIC);
    out.put_u32_le(FolderId::FORMAT);
    out.put_u64_le(id.storage);
    out.put_u64_le(id.node.0);
    out.put_u64_le(id.cluster);
    out.put_u32_le(crc32c::crc32c(&out));
    out
}

fn decode(bytes: &[u8], folder: String, file: String) -> Result<FolderId, StorageError> {
    let corrupt = |what: &str| StorageError::Corrupt {
        file: file.clone(),
        offset: 0,
        index: None,
        what: what.to_owned(),
        way_out: StorageError::REPLACE_MEMBER,
    };
    let Some((body, mut checksum)) = bytes.split_last_chunk::<4>().map(|(b, c)| (b, &c[..])) else {
        return Err(corrupt("it is cut off"));
    };
    if crc32c::crc32c(body) != checksum.get_u32_le() {
        return Err(corrupt("its checksum does not match"));
    }
    let Some(mut rest) = body.strip_prefix(MAGIC).filter(|rest| rest.len() >= 4) else {
        return Err(corrupt("it is no identity of a Balsa folder"));
    };
    let format = rest.get_u32_le();
    if format > FolderId::FORMAT {
        return Err(StorageError::Refused {
            folder,
            why: format!(
                "its format is {format} and this version reads up to {}; \
                 run the version that wrote it, or a later one",
                FolderId::FORMAT
            ),
        });
    }
    if bytes.len() != LENGTH || format != FolderId::FORMAT {
        return Err(corrupt("its length does not fit its format"));
    }
    Ok(FolderId {
        storage: rest.get_u64_le(),
        node: NodeId(rest.get_u64_le()),
        cluster: rest.get_u64_le(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::SimFiles;

    const ID: FolderId = FolderId { storage: 1, node: NodeId(2), cluster: 3 };

    #[test]
    fn an_identity_is_read_back_and_checked() {
        let files = SimFiles::new(1);
        assert_eq!(FolderId::read(&files).unwrap(), None);
        ID.write(&files).unwrap();
        assert_eq!(FolderId::read(&files).unwrap(), Some(ID));
        ID.check(&files, NodeId(2), 3).unwrap();
        assert!(matches!(ID.check(&files, NodeId(4), 3), Err(StorageError::Refused { .. })));
        assert!(matches!(ID.check(&files, NodeId(2), 4), Err(StorageError::Refused { .. })));
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let whole = encode(&ID);
        for at in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            decode(&bytes, String::new(), String::new()).unwrap_err();
        }
        for length in 0..whole.len() {
            decode(&whole[..length], String::new(), String::new()).unwrap_err();
        }
    }

    #[test]
    fn a_newer_format_is_refused_and_not_called_corrupt() {
        let mut bytes = encode(&ID);
        bytes.truncate(LENGTH - 4);
        bytes[8] = 2;
        bytes.put_slice(b"more of it");
        bytes.put_u32_le(crc32c::crc32c(&bytes));
        let error = decode(&bytes, "f".to_owned(), String::new()).unwrap_err();
        assert!(matches!(error, StorageError::Refused { .. }), "{error}");
    }
}
