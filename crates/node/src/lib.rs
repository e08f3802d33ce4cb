//! A replicated key-value node: driver, embedding and etcd's API.

pub mod driver;
