//! A candidate's memory, and a pre-candidate's.

use std::collections::BTreeMap;

use crate::types::{NodeId, WriteSeq};

/// The answers to one round of (pre-)vote requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Campaign {
    /// Who granted and who refused. A candidate is among those who granted only
    /// once its own ballot is durable.
    pub(crate) votes: BTreeMap<NodeId, bool>,
    /// The write of a candidate's own ballot.
    pub(crate) ballot_written: WriteSeq,
}
