//! etcd's API, asked over real sockets: of a server in this process, and of the
//! binary.

mod binary;
mod dev;
mod grpc;
mod http;
mod life;
mod limits;
mod process;
mod range_stream;
mod restart;
mod support;
