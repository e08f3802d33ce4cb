//! Clients that ping too often.
//!
//! A client may ask now and then whether its connection lives. One that does nothing
//! else, and does it all the time, costs work and is told to calm down, as etcd tells
//! it: gRPC's clients then ping half as often.
//!
//! The library below does not count pings, so they are counted here, in the bytes
//! that go by: HTTP/2's frames say in their first bytes what they are and how long.

mod frames;
mod guard;
mod policy;

pub use guard::Guarded;
pub use policy::PingPolicy;
