//! Hashes over versions, for telling whether replicas hold the same.

use bytes::Bytes;
use raft_storage::{Order, StorageError};
use twox_hash::XxHash3_128;

use super::record::{Change, ChangeKind, Superseded, Version, corrupt, decode_history_key};
use super::rows::{HISTORY, LATEST, changes, version_of};
use super::snapshot::Snapshot;
use super::varint;
use crate::error::{Failed, KvError};
use crate::request::KeyRange;
use crate::response::{HashKv, StateHash};

/// etcd's hash of all versions up to a revision (0: the latest), computed over
/// the very bytes that etcd would hold on its disk:
///
/// ```text
///   CRC-32C of "key", then for each change by revision and sub-revision:
///     revision u64, '_', sub u64, 't' if it deleted     (big-endian)
///     the key-value as a protobuf message, of a deletion the key only
/// ```
///
/// At or below the last compaction only versions count that are still alive at
/// the revision asked for. etcd drops that restriction where none is; so do we,
/// as far as the rest may be there: what died by the compaction never counts.
///
/// Of the revisions of its last ten compactions etcd remembers the hash that it
/// had before each, until it is restarted; we compute it anew.
pub(crate) fn hash_kv(snapshot: Snapshot<'_>, revision: i64) -> Result<HashKv, Failed> {
    if revision > 0 && revision < snapshot.compact_revision {
        return Err(KvError::Compacted.into());
    }
    if revision > snapshot.revision {
        return Err(KvError::FutureRevision.into());
    }
    // Below zero there is nothing, and etcd answers so.
    let upto = if revision == 0 { snapshot.revision } else { revision.max(0) };
    let everything = KeyRange::from_key(Bytes::from_static(b"\0"));
    let none_alive = upto > 0 && snapshot.count(&everything, upto)? == 0;
    let mut hash = crc32c::crc32c(b"key");
    for row in changes(snapshot.view, Change::first_of(0), upto) {
        let row = row?;
        let compacted = row.at.main <= snapshot.compact_revision;
        if let ChangeKind::Deleted { .. } = row.kind {
            if !compacted {
                hash = crc32c::crc32c_append(hash, &etcd_key(row.at, true));
                hash = crc32c::crc32c_append(hash, &etcd_value(&row.key, None));
            }
            continue;
        }
        let Some((version, end)) = version_of(snapshot.view, &row.key, row.at)? else {
            return Err(corrupt("changes", &row.key).into());
        };
        let alive_at = |revision| end.is_none_or(|end| revision < end);
        let counts =
            !compacted || alive_at(upto) || (none_alive && alive_at(snapshot.compact_revision));
        if counts {
            hash = crc32c::crc32c_append(hash, &etcd_key(row.at, false));
            hash = crc32c::crc32c_append(hash, &etcd_value(&row.key, Some(&version)));
        }
    }
    Ok(HashKv {
        revision: snapshot.revision,
        hash,
        compact_revision: snapshot.compact_revision,
        hash_revision: if revision == 0 { upto } else { revision },
    })
}

/// A hash of everything that is logically there: revision and compaction, all
/// versions alive at the compaction or later, and the deletions since.
pub(crate) fn state_hash(
    snapshot: Snapshot<'_>,
    extra: impl Iterator<Item = Result<(Bytes, Bytes), StorageError>>,
) -> Result<StateHash, StorageError> {
    let mut hash = Rows(XxHash3_128::new());
    hash.row(&snapshot.revision.to_be_bytes(), &snapshot.compact_revision.to_be_bytes());
    for row in extra {
        let (key, row) = row?;
        hash.row(&key, &row);
    }
    for row in snapshot.view.scan(LATEST, &[], None, Order::Ascending) {
        let (key, row) = row?;
        hash.row(&key, &row);
    }
    for row in snapshot.view.scan(HISTORY, &[], None, Order::Ascending) {
        let (key, row) = row?;
        let (_, written) = decode_history_key(&key)?;
        if Superseded::decode(written, &row)?.end > snapshot.compact_revision {
            hash.row(&key, &row);
        }
    }
    let since = Change::first_of(snapshot.compact_revision.max(0));
    for row in changes(snapshot.view, since, snapshot.revision) {
        let row = row?;
        if let ChangeKind::Deleted { .. } = row.kind {
            hash.row(&row.at.encode(), &row.key);
        }
    }
    Ok(StateHash(hash.0.finish_128()))
}

/// Takes in rows, each with its lengths, so that no two lists of rows give the
/// same bytes.
struct Rows(XxHash3_128);

impl Rows {
    fn row(&mut self, key: &[u8], value: &[u8]) {
        self.0.write(&(key.len() as u64).to_be_bytes());
        self.0.write(key);
        self.0.write(&(value.len() as u64).to_be_bytes());
        self.0.write(value);
    }
}

fn etcd_key(at: Change, deleted: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(18);
    out.extend_from_slice(&at.main.to_be_bytes());
    out.push(b'_');
    out.extend_from_slice(&u64::from(at.sub).to_be_bytes());
    if deleted {
        out.push(b't');
    }
    out
}

/// The message `mvccpb.KeyValue`; fields with default values are left out.
fn etcd_value(key: &[u8], version: Option<&Version>) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes(&mut out, 1, key);
    if let Some(version) = version {
        put_number(&mut out, 2, version.create);
        put_number(&mut out, 3, version.written.main);
        put_number(&mut out, 4, version.version);
        put_bytes(&mut out, 5, &version.value);
        put_number(&mut out, 6, version.lease);
    }
    out
}

fn put_number(out: &mut Vec<u8>, field: u64, number: i64) {
    if number != 0 {
        varint::put(out, field << 3);
        varint::put(out, number as u64);
    }
}

fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    if !bytes.is_empty() {
        varint::put(out, field << 3 | 2);
        varint::put(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    }
}
