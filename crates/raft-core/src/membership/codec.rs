//! The encoding of a membership in a log entry.
//!
//! Format 1, all numbers little-endian:
//!
//! ```text
//!   members   count u32, then each: id u64, has-storage u8, storage u64, context length u32, context
//!   voters    count u32, then each: id u64
//!   outgoing  likewise
//!   leaving   likewise
//!   removed   likewise
//!   leave     u8: 0 auto, 1 explicit
//! ```
//!
//! It is part of what is replicated and of the log's files, so it never changes;
//! another encoding gets another format number.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Leave, Member, Membership};
use crate::types::NodeId;

/// Bytes that are no membership of a format that this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MembershipDecodeError(&'static str);

impl fmt::Display for MembershipDecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a membership: {}", self.0)
    }
}

impl std::error::Error for MembershipDecodeError {}

impl Membership {
    /// The format of [`Membership::encode`].
    pub const FORMAT: u8 = 1;

    /// The encoding described in this module's source; equal memberships have
    /// equal bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u32_le(self.members.len() as u32);
        for (id, member) in &self.members {
            out.put_u64_le(id.0);
            out.put_u8(u8::from(member.storage_id.is_some()));
            out.put_u64_le(member.storage_id.unwrap_or(0));
            out.put_u32_le(member.context.len() as u32);
            out.put_slice(&member.context);
        }
        for ids in [&self.voters, &self.outgoing, &self.leaving, &self.removed] {
            out.put_u32_le(ids.len() as u32);
            ids.iter().for_each(|id| out.put_u64_le(id.0));
        }
        out.put_u8(match self.leave {
            Leave::Auto => 0,
            Leave::Explicit => 1,
        });
        out.freeze()
    }

    /// Decodes what [`Membership::encode`] made.
    ///
    /// # Errors
    ///
    /// If the format is unknown, the bytes are cut off, have a rest, or hold a
    /// membership that contradicts itself.
    pub fn decode(format: u8, bytes: &[u8]) -> Result<Membership, MembershipDecodeError> {
        if format != Membership::FORMAT {
            return Err(MembershipDecodeError("unknown format"));
        }
        let mut reader = Reader { rest: bytes };
        let mut members = BTreeMap::new();
        for _ in 0..reader.u32()? {
            let id = NodeId(reader.u64()?);
            let known = match reader.u8()? {
                0 => false,
                1 => true,
                _ => return Err(MembershipDecodeError("a flag is neither 0 nor 1")),
            };
            let storage_id = Some(reader.u64()?).filter(|_| known);
            let length = reader.u32()? as usize;
            let context = Bytes::copy_from_slice(reader.take(length)?);
            if members.insert(id, Member { storage_id, context }).is_some() {
                return Err(MembershipDecodeError("a member is listed twice"));
            }
        }
        let voters = reader.ids()?;
        let outgoing = reader.ids()?;
        let leaving = reader.ids()?;
        let removed = reader.ids()?;
        let leave = match reader.u8()? {
            0 => Leave::Auto,
            1 => Leave::Explicit,
            _ => return Err(MembershipDecodeError("an unknown way to leave")),
        };
        if !reader.rest.is_empty() {
            return Err(MembershipDecodeError("a rest follows"));
        }
        let membership = Membership { members, voters, outgoing, leaving, removed, leave };
        if !membership.is_valid() {
            return Err(MembershipDecodeError("it contradicts itself"));
        }
        Ok(membership)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], MembershipDecodeError> {
        let (taken, rest) =
            self.rest.split_at_checked(length).ok_or(MembershipDecodeError("it is cut off"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, MembershipDecodeError> {
        Ok(self.take(1)?.get_u8())
    }

    fn u32(&mut self) -> Result<u32, MembershipDecodeError> {
        Ok(self.take(4)?.get_u32_le())
    }

    fn u64(&mut self) -> Result<u64, MembershipDecodeError> {
        Ok(self.take(8)?.get_u64_le())
    }

    fn ids(&mut self) -> Result<BTreeSet<NodeId>, MembershipDecodeError> {
        let count = self.u32()?;
        let mut ids = BTreeSet::new();
        for _ in 0..count {
            if !ids.insert(NodeId(self.u64()?)) {
                return Err(MembershipDecodeError("an id is listed twice"));
            }
        }
        Ok(ids)
    }
}
