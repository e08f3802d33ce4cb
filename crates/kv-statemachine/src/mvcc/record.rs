//! The rows of the store and their encoding; the table is in [`mvcc`](super).

use bytes::Bytes;
use raft_storage::StorageError;

use super::varint;
use crate::response::KeyValue;

/// Revision and sub-revision: names one change. Ordered as they happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Change {
    /// The revision, at least 2.
    pub main: i64,
    /// The place within it.
    pub sub: u32,
}

/// A version of a key, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub create: i64,
    pub written: Change,
    pub version: i64,
    pub lease: i64,
    pub value: Bytes,
}

/// A version with the revision that ended it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Superseded {
    pub end: i64,
    pub version: Version,
}

/// What a change did to its key, with the version that it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Created,
    Updated { previous: Change },
    Deleted { previous: Change },
}

/// A row of `changes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChangeRow {
    pub at: Change,
    pub kind: ChangeKind,
    pub key: Bytes,
}

impl ChangeKind {
    /// By how much the change moved the number of keys.
    pub fn count(self) -> i64 {
        match self {
            ChangeKind::Created => 1,
            ChangeKind::Updated { .. } => 0,
            ChangeKind::Deleted { .. } => -1,
        }
    }

    /// The version that the change ended.
    pub fn previous(self) -> Option<Change> {
        match self {
            ChangeKind::Created => None,
            ChangeKind::Updated { previous } | ChangeKind::Deleted { previous } => Some(previous),
        }
    }
}

impl Version {
    /// What a key that is not there compares as.
    pub const MISSING: Version = Version {
        create: 0,
        written: Change { main: 0, sub: 0 },
        version: 0,
        lease: 0,
        value: Bytes::new(),
    };

    /// The version as it is given to clients.
    pub fn to_kv(&self, key: &Bytes) -> KeyValue {
        KeyValue {
            key: key.clone(),
            create_revision: self.create,
            mod_revision: self.written.main,
            version: self.version,
            value: self.value.clone(),
            lease: self.lease,
        }
    }

    pub fn encode_latest(&self) -> Bytes {
        let mut out = Vec::with_capacity(16 + self.value.len());
        varint::put(&mut out, self.create as u64);
        varint::put(&mut out, self.written.main as u64);
        varint::put(&mut out, u64::from(self.written.sub));
        varint::put(&mut out, self.version as u64);
        varint::put(&mut out, self.lease as u64);
        out.extend_from_slice(&self.value);
        out.into()
    }

    pub fn decode_latest(row: &Bytes) -> Result<Version, StorageError> {
        let read = |rest: &mut &[u8]| {
            let create = varint::take(rest)? as i64;
            let main = varint::take(rest)? as i64;
            let sub = u32::try_from(varint::take(rest)?).ok()?;
            let version = varint::take(rest)? as i64;
            let lease = varint::take(rest)? as i64;
            Some(Version {
                create,
                written: Change { main, sub },
                version,
                lease,
                value: row.slice_ref(rest),
            })
        };
        read(&mut row.as_ref()).ok_or_else(|| corrupt("latest", row))
    }
}

impl Superseded {
    pub fn encode(&self) -> Bytes {
        let version = &self.version;
        let mut out = Vec::with_capacity(16 + version.value.len());
        varint::put(&mut out, self.end as u64);
        varint::put(&mut out, version.create as u64);
        varint::put(&mut out, version.version as u64);
        varint::put(&mut out, version.lease as u64);
        out.extend_from_slice(&version.value);
        out.into()
    }

    pub fn decode(written: Change, row: &Bytes) -> Result<Superseded, StorageError> {
        let read = |rest: &mut &[u8]| {
            let end = varint::take(rest)? as i64;
            let create = varint::take(rest)? as i64;
            let version = varint::take(rest)? as i64;
            let lease = varint::take(rest)? as i64;
            let value = row.slice_ref(rest);
            Some(Superseded { end, version: Version { create, written, version, lease, value } })
        };
        read(&mut row.as_ref()).ok_or_else(|| corrupt("history", row))
    }

    /// Whether this is the current version at a revision.
    pub fn is_alive_at(&self, revision: i64) -> bool {
        self.version.written.main <= revision && revision < self.end
    }
}

const CREATED: u8 = 0;
const UPDATED: u8 = 1;
const DELETED: u8 = 2;

impl ChangeRow {
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(12 + self.key.len());
        out.push(match self.kind {
            ChangeKind::Created => CREATED,
            ChangeKind::Updated { .. } => UPDATED,
            ChangeKind::Deleted { .. } => DELETED,
        });
        if let Some(previous) = self.kind.previous() {
            varint::put(&mut out, previous.main as u64);
            varint::put(&mut out, u64::from(previous.sub));
        }
        out.extend_from_slice(&self.key);
        out.into()
    }

    pub fn decode(key: &[u8], row: &Bytes) -> Result<ChangeRow, StorageError> {
        let read = |rest: &mut &[u8]| {
            let (tag, after) = rest.split_first()?;
            *rest = after;
            let mut previous = || {
                let main = varint::take(rest)? as i64;
                let sub = u32::try_from(varint::take(rest)?).ok()?;
                Some(Change { main, sub })
            };
            let kind = match *tag {
                CREATED => ChangeKind::Created,
                UPDATED => ChangeKind::Updated { previous: previous()? },
                DELETED => ChangeKind::Deleted { previous: previous()? },
                _ => return None,
            };
            let at = Change::decode(key)?;
            Some(ChangeRow { at, kind, key: row.slice_ref(rest) })
        };
        read(&mut row.as_ref()).ok_or_else(|| corrupt("changes", key))
    }
}

impl Change {
    /// How many bytes [`Change::encode`] gives.
    pub const LENGTH: usize = 12;

    /// The first change of a revision.
    pub fn first_of(main: i64) -> Change {
        Change { main, sub: 0 }
    }

    pub fn encode(self) -> [u8; Change::LENGTH] {
        let mut out = [0; Change::LENGTH];
        out[..8].copy_from_slice(&(self.main as u64).to_be_bytes());
        out[8..].copy_from_slice(&self.sub.to_be_bytes());
        out
    }

    pub fn decode(bytes: &[u8]) -> Option<Change> {
        let bytes: [u8; Change::LENGTH] = bytes.try_into().ok()?;
        let (main, sub) = bytes.split_at(8);
        let main = u64::from_be_bytes(main.try_into().ok()?);
        let sub = u32::from_be_bytes(sub.try_into().ok()?);
        Some(Change { main: i64::try_from(main).ok()?, sub })
    }
}

/// What all rows of a key in `history` begin with.
pub(crate) fn escape(key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len() + 2 + Change::LENGTH);
    for byte in key {
        out.push(*byte);
        if *byte == 0 {
            out.push(0xff);
        }
    }
    out.extend_from_slice(&[0, 1]);
    out
}

/// The key of a version's row in `history`.
pub(crate) fn history_key(key: &[u8], written: Change) -> Bytes {
    let mut out = escape(key);
    out.extend_from_slice(&written.encode());
    out.into()
}

/// Takes apart the key of a row in `history`.
pub(crate) fn decode_history_key(row_key: &[u8]) -> Result<(Bytes, Change), StorageError> {
    let read = || {
        let (escaped, written) = row_key.split_at_checked(row_key.len().checked_sub(12)?)?;
        let escaped = escaped.strip_suffix(&[0, 1])?;
        let mut key = Vec::with_capacity(escaped.len());
        let mut bytes = escaped.iter();
        while let Some(byte) = bytes.next() {
            key.push(*byte);
            if *byte == 0 && bytes.next() != Some(&0xff) {
                return None;
            }
        }
        Some((Bytes::from(key), Change::decode(written)?))
    };
    read().ok_or_else(|| corrupt("history", row_key))
}

/// The error for a row that cannot be read.
pub(crate) fn corrupt(space: &str, row: &[u8]) -> StorageError {
    let start = &row[..row.len().min(64)];
    StorageError::Corrupt {
        file: format!("the state's space {space}"),
        offset: 0,
        index: None,
        what: format!("the row {} cannot be read", start.escape_ascii()),
        way_out: StorageError::REPLACE_MEMBER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version() -> Version {
        let written = Change { main: 300, sub: 2 };
        let value = Bytes::from_static(b"v");
        Version { create: 2, written, version: 5, lease: -1, value }
    }

    #[test]
    fn rows_come_back() {
        let version = version();
        assert_eq!(Version::decode_latest(&version.encode_latest()).unwrap(), version);
        let old = Superseded { end: 301, version };
        let written = old.version.written;
        assert_eq!(Superseded::decode(written, &old.encode()).unwrap(), old);
        let previous = Change { main: 7, sub: 0 };
        for kind in [
            ChangeKind::Created,
            ChangeKind::Updated { previous },
            ChangeKind::Deleted { previous },
        ] {
            let row = ChangeRow { at: written, kind, key: Bytes::from_static(b"\0k") };
            assert_eq!(ChangeRow::decode(&written.encode(), &row.encode()).unwrap(), row);
        }
    }

    #[test]
    fn cut_off_rows_are_refused_by_name() {
        let error = Version::decode_latest(&Bytes::from_static(&[2, 0x80])).unwrap_err();
        assert!(error.to_string().contains("latest"), "{error}");
        let row = Bytes::from_static(&[9]);
        assert!(ChangeRow::decode(&[0; 12], &row).is_err());
        assert!(ChangeRow::decode(&[0; 11], &Bytes::from_static(&[0])).is_err());
        assert!(decode_history_key(b"short").is_err());
        assert!(decode_history_key(b"a\0b\0\x01000000000000").is_err());
    }

    /// The bytes are on people's disks: they never change.
    #[test]
    fn golden_rows() {
        let version = version();
        assert_eq!(
            version.encode_latest().escape_ascii().to_string(),
            "\\x02\\xac\\x02\\x02\\x05\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x01v"
        );
        assert_eq!(
            history_key(b"a\0", version.written).escape_ascii().to_string(),
            "a\\x00\\xff\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x01,\\x00\\x00\\x00\\x02"
        );
    }

    /// Escaped keys sort as the keys do, with every version between its key's
    /// neighbours, whatever bytes the keys hold.
    #[test]
    fn history_keys_sort_by_key_then_revision() {
        let mut keys = vec![Vec::new()];
        for length in 0..3 {
            for key in keys.clone().iter().filter(|key| key.len() == length) {
                for byte in [0, 1, 2, 0xfe, 0xff] {
                    keys.push([key.as_slice(), &[byte]].concat());
                }
            }
        }
        keys.sort();
        let changes = [
            Change { main: 2, sub: 0 },
            Change { main: 2, sub: 1 },
            Change { main: 1 << 40, sub: 0 },
        ];
        let rows: Vec<_> =
            keys.iter().flat_map(|key| changes.map(|change| (key, change))).collect();
        let encoded: Vec<_> = rows.iter().map(|(key, at)| history_key(key, *at)).collect();
        assert!(encoded.windows(2).all(|pair| pair[0] < pair[1]));
        for ((key, change), row) in rows.iter().zip(&encoded) {
            assert_eq!(decode_history_key(row).unwrap(), (Bytes::from((*key).clone()), *change));
        }
    }
}
