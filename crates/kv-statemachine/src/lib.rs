//! A replicated key-value store with etcd's semantics, as a state machine
