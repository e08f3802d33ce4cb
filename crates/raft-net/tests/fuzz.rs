//! The fuzzer's targets that stand on this crate, on what it found and some more.

#[path = "../../../fuzz/src/frames.rs"]
mod frames;
#[path = "../../../fuzz/src/memory.rs"]
mod memory;
#[path = "../../../fuzz/src/stable.rs"]
mod stable;

#[test]
fn any_bytes_are_a_sound_frame_or_refused() {
    stable::run("frames", 5000, frames::frames);
}

#[test]
fn any_bytes_are_a_sound_membership_or_refused() {
    stable::run("memberships", 5000, frames::memberships);
}
