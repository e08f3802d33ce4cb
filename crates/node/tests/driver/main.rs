//! The driver's workers one by one, and whole clusters of drivers in one thread.

mod apply_worker;
mod cluster;
mod fetch_worker;
mod forwarded;
mod install;
mod log_worker;
mod networks;
mod recovery;
mod support;
