//! The transport of Raft messages: trait, codec and gRPC
