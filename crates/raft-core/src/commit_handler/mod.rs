//! What is committed, and what may be read.
//!
//! [`commit`] advances the commit index; [`read_index`] serves linearizable reads
//! on the leader by confirming its office with a round of heartbeats (thesis,
//! section 6.4); [`follower_reads`] lets a follower serve them by asking its
//! leader for the index.

mod commit;
mod follower_reads;
mod read_index;

pub(crate) use follower_reads::FollowerReads;
pub(crate) use read_index::{PendingRead, ReadOrigin, ReadRounds};
