//! The file that says which database is the state.
//!
//! The file `current`, 28 bytes, all numbers little-endian:
//!
//! ```text
//!    0  magic       8 bytes  "BALSACUR"
//!    8  format      u32      1
//!   12  database    u64      the number in the name of the database's folder
//!   20  installing  u32      1 while the log has yet to be reset, otherwise 0
//!   24  checksum    u32      CRC-32C of all before
//! ```
//!
//! It is replaced whole, by a rename: after a crash it names either the old
//! database or the new one, and the mark of an installation changes with it.

use std::io::ErrorKind;
use std::path::Path;

use bytes::BufMut;

use super::error;
use crate::encoding::Reader;
use crate::error::StorageError;
use crate::files::Files;

/// The pointer's file name.
pub(super) const POINTER: &str = "current";
/// The name under which it is written.
pub(super) const POINTER_TEMPORARY: &str = "current.tmp";

const MAGIC: &[u8; 8] = b"BALSACUR";
const FORMAT: u32 = 1;
const LENGTH: usize = 28;

/// Which database is the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    /// The database's number.
    pub(super) database: u64,
    /// The mark of an installation.
    pub(super) installing: bool,
}

impl Pointer {
    /// Reads the pointer; `None` if there is none.
    pub(super) fn read(files: &dyn Files) -> Result<Option<Pointer>, StorageError> {
        let failed = |error| StorageError::io("read", files.describe(POINTER), error);
        let file = match files.open(POINTER) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let length = file.length().map_err(failed)?;
        let mut bytes = vec![0; length.min(LENGTH as u64 + 1) as usize];
        file.read_at(0, &mut bytes).map_err(failed)?;
        let corrupt = |what| error::corrupt(Path::new(&files.describe(POINTER)), what);
        decode(&bytes).map(Some).map_err(corrupt)
    }

    /// Replaces the pointer; durable on return.
    pub(super) fn write(&self, files: &dyn Files) -> Result<(), StorageError> {
        let failed = |error| StorageError::io("write", files.describe(POINTER), error);
        match files.remove(POINTER_TEMPORARY) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let file = files.create(POINTER_TEMPORARY).map_err(failed)?;
        file.write_at(0, &self.encode()).map_err(failed)?;
        file.sync().map_err(failed)?;
        files.rename(POINTER_TEMPORARY, POINTER).map_err(failed)?;
        files.sync_folder("").map_err(failed)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(LENGTH);
        out.put_slice(MAGIC);
        out.put_u32_le(FORMAT);
        out.put_u64_le(self.database);
        out.put_u32_le(u32::from(self.installing));
        out.put_u32_le(crc32c::crc32c(&out));
        out
    }
}

fn decode(bytes: &[u8]) -> Result<Pointer, &'static str> {
    let (body, checksum) = bytes.split_last_chunk::<4>().ok_or("it is cut off")?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
        return Err("its checksum does not match");
    }
    let mut reader = Reader { rest: body.strip_prefix(MAGIC).ok_or("it names no database")? };
    if reader.u32()? != FORMAT {
        return Err("its format is not that of its folder");
    }
    let database = reader.u64()?;
    let installing = match reader.u32()? {
        0 => false,
        1 => true,
        _ => return Err("its mark is neither set nor cleared"),
    };
    if reader.rest.is_empty() {
        Ok(Pointer { database, installing })
    } else {
        Err("it is too long")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Outage, SimFiles};

    const OLD: Pointer = Pointer { database: 1, installing: false };
    const NEW: Pointer = Pointer { database: 2, installing: true };

    #[test]
    fn every_flipped_bit_is_found_and_the_format_is_pinned() {
        let whole = NEW.encode();
        assert_eq!(decode(&whole), Ok(NEW));
        let hex: String = whole.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "42414c534143555201000000020000000000000001000000e01f94b9");
        for at in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            decode(&bytes).unwrap_err();
        }
        for length in 0..whole.len() {
            decode(&whole[..length]).unwrap_err();
        }
    }

    #[test]
    fn after_a_crash_it_is_the_old_one_or_the_new_one() {
        for outage in [Outage::PowerLoss, Outage::Kill] {
            let mut operation = 0;
            loop {
                operation += 1;
                let files = SimFiles::new(operation);
                OLD.write(&files).unwrap();
                files.crash_at(Some(files.counters().operations + operation));
                let done = NEW.write(&files).is_ok();
                let files = files.restart(outage);
                let found = Pointer::read(&files).unwrap();
                assert!(found == Some(NEW) || (!done && found == Some(OLD)), "{found:?}");
                if done {
                    break;
                }
            }
            assert!(operation > 4, "the crash fell into each step");
        }
    }
}
