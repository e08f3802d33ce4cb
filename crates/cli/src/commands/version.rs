//! `version`: of this client, and of the API that it speaks.

use crate::failure::Failure;
use crate::terminal;

/// The level of the etcd API whose requests this client can make.
const API_VERSION: &str = "3.6";

/// Prints both versions.
///
/// # Errors
/// Standard output cannot be written.
pub fn run() -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    terminal::print(format!("kvctl version: {version}\nAPI version: {API_VERSION}\n").as_bytes())
}
