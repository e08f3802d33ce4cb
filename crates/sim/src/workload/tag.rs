//! Each write carries a number of its own, so that it can be told from all others
//! wherever it turns up.

use std::fmt;

use bytes::Bytes;
use kv_statemachine::{DeleteRangeRequest, KeyRange, Operation, PutRequest, RequestOp};

/// The number of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u64);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "write {}", self.0)
    }
}

impl Tag {
    /// A put of the tag as the value, with dots behind it up to a length.
    pub(crate) fn put(self, key: Bytes, length: usize) -> PutRequest {
        let mut value = self.0.to_string().into_bytes();
        value.resize(length.max(value.len()), b'.');
        PutRequest::of(key, value)
    }

    /// A deletion of one key, written as a range up to the key with a zero byte
    /// and the tag behind it. No other key lies in between.
    pub(super) fn delete(self, key: &Bytes) -> DeleteRangeRequest {
        let mut end = key.to_vec();
        end.push(0);
        end.extend_from_slice(self.0.to_string().as_bytes());
        let range = KeyRange::between(key.clone(), end);
        DeleteRangeRequest { range, prev_kv: false }
    }
}

/// The tag of a write; `None` if it has none.
pub fn tag_of(operation: &Operation) -> Option<Tag> {
    match operation {
        Operation::Put(put) => tag_of_value(&put.value),
        Operation::DeleteRange(delete) => {
            let behind = delete.range.range_end.strip_prefix(delete.range.key.as_ref())?;
            tag_of_value(behind.strip_prefix(b"\0")?)
        }
        Operation::Txn(txn) => txn.success.iter().find_map(|op| match op {
            RequestOp::Put(put) => tag_of_value(&put.value),
            _ => None,
        }),
        Operation::Compact(_) | Operation::SetMemberAttributes { .. } | Operation::Alarm(_) => None,
    }
}

/// The tag of the write that wrote a value; `None` if it has none.
pub fn tag_of_value(bytes: &[u8]) -> Option<Tag> {
    let digits = bytes.split(|byte| *byte == b'.').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok().map(Tag)
}

#[cfg(test)]
mod tests {
    use kv_statemachine::{CompactRequest, TxnRequest};

    use super::*;

    #[test]
    fn a_tag_is_found_in_each_kind_of_write() {
        let key = Bytes::from_static(b"k1");
        let put = Tag(7).put(key.clone(), 0);
        assert_eq!(tag_of(&Operation::Put(put.clone())), Some(Tag(7)));
        assert_eq!(tag_of(&Operation::Put(Tag(9).put(key.clone(), 1000))), Some(Tag(9)));
        assert_eq!(tag_of(&Operation::DeleteRange(Tag(8).delete(&key))), Some(Tag(8)));
        let txn = TxnRequest { success: vec![RequestOp::Put(put)], ..TxnRequest::default() };
        assert_eq!(tag_of(&Operation::Txn(txn)), Some(Tag(7)));
        assert_eq!(tag_of(&Operation::Compact(CompactRequest { revision: 3 })), None);
    }
}
