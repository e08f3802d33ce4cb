//! What the formats on the disk have in common. All numbers are little-endian.
//!
//! ```text
//!   meta   term u64, index u64, membership format u8, length u32, membership
//! ```

use bytes::{Buf, BufMut};
use raft_core::{Index, Membership, Position, SnapshotMeta, Term};

pub(crate) fn put_position(out: &mut Vec<u8>, position: &Position) {
    out.put_u64_le(position.term.0);
    out.put_u64_le(position.index.0);
}

pub(crate) fn put_meta(out: &mut Vec<u8>, meta: &SnapshotMeta) {
    let membership = meta.membership.encode();
    put_position(out, &meta.position);
    out.put_u8(Membership::FORMAT);
    out.put_u32_le(membership.len() as u32);
    out.put_slice(&membership);
}

/// Takes numbers and bytes off the front. The errors say what is wrong.
pub(crate) struct Reader<'a> {
    pub(crate) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or("what it holds is cut off")?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, &'static str> {
        Ok(self.take(1)?.get_u8())
    }

    pub(crate) fn u32(&mut self) -> Result<u32, &'static str> {
        Ok(self.take(4)?.get_u32_le())
    }

    pub(crate) fn u64(&mut self) -> Result<u64, &'static str> {
        Ok(self.take(8)?.get_u64_le())
    }

    /// A term that leaves room to count on: no cluster gets beyond.
    pub(crate) fn term(&mut self) -> Result<Term, &'static str> {
        let term = Term(self.u64()?);
        if term > Term::LAST { Err("it holds a term that no cluster gets to") } else { Ok(term) }
    }

    /// A position that leaves room to count on.
    pub(crate) fn position(&mut self) -> Result<Position, &'static str> {
        let (term, index) = (self.term()?, Index(self.u64()?));
        if index > Index::LAST {
            return Err("it holds an index that no cluster gets to");
        }
        Ok(Position { term, index })
    }

    pub(crate) fn meta(&mut self) -> Result<SnapshotMeta, &'static str> {
        let position = self.position()?;
        let format = self.u8()?;
        let length = self.u32()? as usize;
        let membership = Membership::decode(format, self.take(length)?)
            .map_err(|_| "it holds a membership that cannot be decoded")?;
        Ok(SnapshotMeta { position, membership })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_leave_room_to_count_on() {
        let read = |term, index| {
            let mut bytes = Vec::new();
            put_position(&mut bytes, &Position::new(term, index));
            Reader { rest: &bytes }.position()
        };
        let (term, index) = (Term::LAST.0, Index::LAST.0);
        assert_eq!(read(term, index), Ok(Position::new(term, index)));
        assert!(read(term + 1, index).unwrap_err().contains("a term"));
        assert!(read(term, index + 1).unwrap_err().contains("an index"));
    }
}
