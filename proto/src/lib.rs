//! Generated protobuf types: the etcd v3 API, what nodes say to each other, and
//! the commands in the log.
//!
//! The modules follow the packages of the `.proto` files in this crate's folder.
//! With the feature `grpc` they hold the clients and servers of the services too.
//! All `bytes` fields are [`bytes::Bytes`].
//!
//! What is written by hand here is the checksum around each message between nodes, for
//! it belongs to their services' generated code: [`sealed`].

pub mod sealed;
#[cfg(feature = "grpc")]
mod sealed_codec;

#[cfg(feature = "grpc")]
pub use sealed_codec::{Opener, SealedCodec, Sealer, broken, broken_seal};

/// A version of a key, and what happened to it.
#[allow(missing_docs, clippy::all)] // Generated.
pub mod mvccpb {
    include!(concat!(env!("OUT_DIR"), "/mvccpb.rs"));
}

/// Users, roles and what they may touch.
#[allow(missing_docs, clippy::all)] // Generated.
pub mod authpb {
    include!(concat!(env!("OUT_DIR"), "/authpb.rs"));
}

/// The services of the etcd v3 API.
#[allow(missing_docs, clippy::all)] // Generated.
pub mod etcdserverpb {
    include!(concat!(env!("OUT_DIR"), "/etcdserverpb.rs"));
}

/// etcd's lock service.
#[allow(missing_docs, clippy::all)] // Generated.
pub mod v3lockpb {
    include!(concat!(env!("OUT_DIR"), "/v3lockpb.rs"));
}

/// etcd's election service.
#[allow(missing_docs, clippy::all)] // Generated.
pub mod v3electionpb {
    include!(concat!(env!("OUT_DIR"), "/v3electionpb.rs"));
}

/// Balsa's own packages.
pub mod balsa {
    /// What nodes say to each other.
    pub mod raft {
        /// Version 1.
        #[allow(missing_docs, clippy::all)] // Generated.
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/balsa.raft.v1.rs"));
        }
    }

    /// The key-value store's commands, as they stand in the log.
    pub mod kv {
        /// Version 1.
        #[allow(missing_docs, clippy::all)] // Generated.
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/balsa.kv.v1.rs"));
        }
    }
}

/// The encoded `FileDescriptorSet` of all files, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
