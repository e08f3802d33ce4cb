//! What the state knows of itself: the space `meta`.
//!
//! | key | value |
//! |---|---|
//! | `format` | u32: 1 |
//! | `applied` | applied term u64, applied index u64, revision u64, compact revision u64, compacted through u64, next change to compact: revision u64, sub u32 |
//! | `membership` | format u8, then the membership as of the applied index |
//! | `member/` id u64 | name length u32, name, count u32, then each client URL: length u32, URL |
//! | `alarm/` kind u32, member u64 | who raised it u8: 1 the member, 2 an operator |
//!
//! All numbers are big-endian; revisions are stored as two's complement, for
//! the compact revision is -1 before the first compaction. `applied` is part of
//! every batch, so that position and data change together.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use raft_core::{Index, Membership, NodeId, Position, SnapshotMeta, Term};
use raft_storage::{Order, Scan, StateStore, StateView, StorageError};

use crate::alarm::{Alarm, AlarmKind, AlarmSource, Alarms};
use crate::command::MemberAttributes;
use crate::mvcc::compaction::Progress;
use crate::mvcc::overlay::Overlay;
use crate::mvcc::record::corrupt;
use crate::mvcc::rows::META;

/// The version of the layout of all spaces.
const FORMAT: u32 = 1;

const FORMAT_KEY: &[u8] = b"format";
const APPLIED_KEY: &[u8] = b"applied";
const MEMBERSHIP_KEY: &[u8] = b"membership";
const MEMBER_PREFIX: &[u8] = b"member/";
/// The first key behind all that begin with [`MEMBER_PREFIX`].
const MEMBER_END: &[u8] = b"member0";
const ALARM_PREFIX: &[u8] = b"alarm/";
/// The first key behind all that begin with [`ALARM_PREFIX`].
const ALARM_END: &[u8] = b"alarm0";

/// The row `applied`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    pub position: Position,
    /// The latest revision; 1 in a new store.
    pub revision: i64,
    /// The revision of the last compaction; -1 if there was none.
    pub compact_revision: i64,
    pub progress: Progress,
}

impl Applied {
    /// The row of a new store.
    pub fn new(position: Position) -> Applied {
        let progress = Progress::default();
        Applied { position, revision: 1, compact_revision: -1, progress }
    }

    /// Reads the row; `None` in a new store.
    pub fn read(view: &dyn StateView) -> Result<Option<Applied>, StorageError> {
        view.get(META, APPLIED_KEY)?.map(|row| Applied::decode(&row)).transpose()
    }

    /// Reads the row as it would be found after a crash.
    pub fn read_durable(store: &dyn StateStore) -> Result<Option<Applied>, StorageError> {
        store.durable_get(META, APPLIED_KEY)?.map(|row| Applied::decode(&row)).transpose()
    }

    pub fn write(&self, overlay: &mut Overlay) {
        let mut row = BytesMut::with_capacity(52);
        row.put_u64(self.position.term.0);
        row.put_u64(self.position.index.0);
        row.put_i64(self.revision);
        row.put_i64(self.compact_revision);
        row.put_i64(self.progress.through);
        row.put_slice(&self.progress.next.encode());
        overlay.put(META, Bytes::from_static(APPLIED_KEY), row.freeze());
    }

    fn decode(row: &Bytes) -> Result<Applied, StorageError> {
        let read = |mut row: &[u8]| {
            let position = Position::new(row.try_get_u64().ok()?, row.try_get_u64().ok()?);
            let revision = row.try_get_i64().ok()?;
            let compact_revision = row.try_get_i64().ok()?;
            let progress = Progress::decode(row.try_get_i64().ok()?, row)?;
            // Numbers that no store gets to are damage, and counting on from them would
            // overflow.
            let has_room = position.term <= Term::LAST
                && position.index <= Index::LAST
                && (1..i64::MAX / 2).contains(&revision)
                && (-1..=revision).contains(&compact_revision);
            has_room.then_some(Applied { position, revision, compact_revision, progress })
        };
        read(row).ok_or_else(|| corrupt("meta", APPLIED_KEY))
    }
}

/// Writes the rows of a new store.
pub(crate) fn initialize(overlay: &mut Overlay, bootstrap: &SnapshotMeta) {
    let format = Bytes::copy_from_slice(&FORMAT.to_be_bytes());
    overlay.put(META, Bytes::from_static(FORMAT_KEY), format);
    write_membership(overlay, &bootstrap.membership);
    Applied::new(bootstrap.position).write(overlay);
}

/// Checks that the store was written in a format that this version reads.
pub(crate) fn check_format(view: &dyn StateView) -> Result<(), StorageError> {
    let found = view.get(META, FORMAT_KEY)?.ok_or_else(|| corrupt("meta", FORMAT_KEY))?;
    let found = found.as_ref().try_get_u32().map_err(|_| corrupt("meta", FORMAT_KEY))?;
    if found > FORMAT {
        return Err(StorageError::Refused {
            folder: "the key-value state".to_owned(),
            why: format!(
                "it has format {found}, this version reads up to format {FORMAT}: upgrade this node"
            ),
        });
    }
    Ok(())
}

/// Reads what the state includes; the rows of a new store must be there.
pub(crate) fn read_applied(view: &dyn StateView) -> Result<(SnapshotMeta, Applied), StorageError> {
    let applied = Applied::read(view)?.ok_or_else(|| corrupt("meta", APPLIED_KEY))?;
    let row = view.get(META, MEMBERSHIP_KEY)?.ok_or_else(|| corrupt("meta", MEMBERSHIP_KEY))?;
    let membership = row
        .split_first()
        .and_then(|(format, rest)| Membership::decode(*format, rest).ok())
        .ok_or_else(|| corrupt("meta", MEMBERSHIP_KEY))?;
    Ok((SnapshotMeta { position: applied.position, membership }, applied))
}

/// The rows that only commands write: alarms and members' attributes.
pub(crate) fn replicated_rows(
    view: &dyn StateView,
) -> impl Iterator<Item = Result<(Bytes, Bytes), StorageError>> {
    let alarms = view.scan(META, ALARM_PREFIX, Some(ALARM_END), Order::Ascending);
    alarms.chain(member_rows(view))
}

/// Writes an alarm that somebody raised, or that nobody has raised any more.
pub(crate) fn write_alarm(overlay: &mut Overlay, alarm: Alarm, source: Option<AlarmSource>) {
    let mut key = BytesMut::from(ALARM_PREFIX);
    key.put_u32(alarm.kind.0);
    key.put_u64(alarm.member.0);
    let row: &'static [u8] = match source {
        None => return overlay.delete(META, key.freeze()),
        Some(AlarmSource::Member) => &[1],
        Some(AlarmSource::Operator) => &[2],
    };
    overlay.put(META, key.freeze(), Bytes::from_static(row));
}

/// All alarms.
pub(crate) fn alarms(view: &dyn StateView) -> Result<Alarms, StorageError> {
    let read_row = |row: Result<(Bytes, Bytes), StorageError>| {
        let (key, row) = row?;
        decode_alarm(&key, &row).ok_or_else(|| corrupt("meta", &key))
    };
    view.scan(META, ALARM_PREFIX, Some(ALARM_END), Order::Ascending).map(read_row).collect()
}

fn decode_alarm(key: &[u8], row: &[u8]) -> Option<(Alarm, AlarmSource)> {
    let mut key = key.strip_prefix(ALARM_PREFIX)?;
    let kind = AlarmKind(key.try_get_u32().ok()?);
    let member = NodeId(key.try_get_u64().ok()?);
    let source = match row {
        [1] => AlarmSource::Member,
        [2] => AlarmSource::Operator,
        _ => return None,
    };
    key.is_empty().then_some((Alarm { kind, member }, source))
}

fn member_rows(view: &dyn StateView) -> Scan<'_> {
    view.scan(META, MEMBER_PREFIX, Some(MEMBER_END), Order::Ascending)
}

/// Writes the membership, and forgets the attributes of whoever is no member.
pub(crate) fn change_membership(
    overlay: &mut Overlay,
    membership: &Membership,
) -> Result<(), StorageError> {
    write_membership(overlay, membership);
    for (member, _) in members(overlay)? {
        if !membership.members.contains_key(&member) {
            overlay.delete(META, member_key(member));
        }
    }
    Ok(())
}

/// Writes a member's attributes.
pub(crate) fn write_member(overlay: &mut Overlay, member: NodeId, attributes: &MemberAttributes) {
    let mut row = BytesMut::new();
    put_text(&mut row, &attributes.name);
    row.put_u32(attributes.client_urls.len() as u32);
    attributes.client_urls.iter().for_each(|url| put_text(&mut row, url));
    overlay.put(META, member_key(member), row.freeze());
}

/// The attributes of all members that have some, by id.
pub(crate) fn members(
    view: &dyn StateView,
) -> Result<Vec<(NodeId, MemberAttributes)>, StorageError> {
    let read_row = |row: Result<(Bytes, Bytes), StorageError>| {
        let (key, row) = row?;
        let read = || {
            let id = key.strip_prefix(MEMBER_PREFIX)?.try_into().ok()?;
            Some((NodeId(u64::from_be_bytes(id)), decode_member(&row)?))
        };
        read().ok_or_else(|| corrupt("meta", &key))
    };
    member_rows(view).map(read_row).collect()
}

fn write_membership(overlay: &mut Overlay, membership: &Membership) {
    let encoded = membership.encode();
    let mut row = BytesMut::with_capacity(1 + encoded.len());
    row.put_u8(Membership::FORMAT);
    row.put_slice(&encoded);
    overlay.put(META, Bytes::from_static(MEMBERSHIP_KEY), row.freeze());
}

fn member_key(member: NodeId) -> Bytes {
    Bytes::from([MEMBER_PREFIX, &member.0.to_be_bytes()].concat())
}

fn decode_member(mut row: &[u8]) -> Option<MemberAttributes> {
    let name = take_text(&mut row)?;
    let count = row.try_get_u32().ok()?;
    let client_urls = (0..count).map(|_| take_text(&mut row)).collect::<Option<_>>()?;
    row.is_empty().then_some(MemberAttributes { name, client_urls })
}

fn put_text(row: &mut BytesMut, text: &str) {
    row.put_u32(text.len() as u32);
    row.put_slice(text.as_bytes());
}

fn take_text(row: &mut &[u8]) -> Option<String> {
    let length = row.try_get_u32().ok()?;
    let (text, rest) = row.split_at_checked(length as usize)?;
    *row = rest;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(index: u64, revision: i64, compact_revision: i64) -> Option<Applied> {
        let mut row = BytesMut::new();
        row.put_u64(1);
        row.put_u64(index);
        row.put_i64(revision);
        row.put_i64(compact_revision);
        row.put_bytes(0, 20);
        Applied::decode(&row.freeze()).ok()
    }

    #[test]
    fn numbers_that_no_store_gets_to_are_damage() {
        let sound = decoded(7, 5, 5).expect("the row is sound");
        assert_eq!((sound.position.index, sound.revision), (Index(7), 5));
        assert!(decoded(7, 5, -1).is_some());
        for (revision, compact_revision) in [(0, -1), (-3, -1), (i64::MAX, -1), (5, 6), (5, -2)] {
            assert_eq!(decoded(7, revision, compact_revision), None);
        }
        assert_eq!(decoded(u64::MAX, 5, 5), None);
    }
}
