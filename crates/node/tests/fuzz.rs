//! The fuzzer's target that stands on this crate, on what it found and some more.

#[path = "../src/api/convert/from_wire.rs"]
mod from_wire;
#[path = "../../../fuzz/src/memory.rs"]
mod memory;
#[path = "../../../fuzz/src/requests.rs"]
mod requests;
#[path = "../../../fuzz/src/stable.rs"]
mod stable;

/// What `from_wire` takes for its own crate's.
use kv_statemachine::{Alarm, AlarmKind};

#[test]
fn any_request_is_refused_or_comes_out_of_the_log_as_it_went_in() {
    stable::run("requests", 5000, requests::requests);
}
