//! A replica on its threads, with a small state machine and disks that fail, hang
//! and lose power: whatever happens, everybody is answered, and truly.

mod desk;
mod endings;
#[path = "../driver/support/journal.rs"]
mod journal;
mod stop;
mod support;
mod threads;
mod turns;
