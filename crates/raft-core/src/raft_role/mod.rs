//! What a node is in its term, and what it must remember as that (Raft paper,
//! figure 4, with the pre-candidate of the thesis, section 9.6).
//!
//! ```text
//!               timeout                 would win             wins
//!   Follower ───────────▶ PreCandidate ───────────▶ Candidate ─────▶ Leader
//!      ▲  ▲                    │                        │              │
//!      │  └── leader heard, ───┘                        │              │
//!      │      refused                                   │              │
//!      └───── leader heard, refused, higher term ───────┴── no quorum ─┘
//! ```
//!
//! A learner is a follower that the membership in force gives no vote. That is
//! derived, not stored: a node does not know for sure what it is, so it answers
//! votes whatever it believes; only campaigning needs a vote (rule 8).

mod candidate;
mod follower;
mod leader;
mod learner;

pub(crate) use candidate::Campaign;
pub(crate) use follower::Follower;
pub(crate) use leader::Leader;

/// The role with all that is forgotten when it ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Follower(Follower),
    PreCandidate(Campaign),
    Candidate(Campaign),
    Leader(Box<Leader>),
}
