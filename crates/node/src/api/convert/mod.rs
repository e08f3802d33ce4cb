//! From etcd's messages to the store's types and back. Nothing else in the node
//! knows both.

mod from_wire;
mod to_wire;

pub use from_wire::{alarm_of, delete_range, is_serializable, put, range, txn};
pub use to_wire::{
    alarm, delete_range_response, header, key_values, member, put_response, range_response,
    txn_response,
};
