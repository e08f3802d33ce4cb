//! The sorts of faults, and how often each comes beside the others.

/// A sort of fault; which node it meets, and how hard, is drawn when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sort {
    /// See [`Fault::Kill`](super::Fault::Kill); so with the others.
    Kill,
    /// All processes.
    KillAll,
    /// A machine.
    PowerLoss,
    /// All machines.
    PowerLossAll,
    /// A machine, in the middle of a turn.
    CrashInTurn,
    /// A machine, in the middle of a group.
    CrashInGroup,
    /// A disk.
    DiskError,
    /// A process.
    Pause,
    /// A disk.
    SlowDisk,
    /// A disk.
    SlowReads,
    /// A disk.
    FillDisk,
    /// A disk.
    DamageDisk,
    /// A disk.
    WipeDisk,
    /// A clock.
    JumpClock,
    /// A direction.
    Clog,
    /// A pair.
    SlowLink,
    /// A pair.
    FalseGone,
    /// The leader.
    Depose,
    /// The leader.
    DeposeAndCut,
    /// Whoever comes to a moment.
    Ambush,
    /// A direction.
    CutOneWay,
    /// A pair.
    CutBothWays,
    /// A node.
    Isolate,
    /// All nodes.
    Partition,
    /// All links.
    Heal,
    /// The operator.
    Transfer,
    /// The operator.
    AddLearner,
    /// The operator.
    Promote,
    /// The operator.
    Remove,
    /// The operator.
    RemoveLeader,
    /// The operator.
    Replace,
    /// The operator.
    ReplaceSeveral,
}

/// How often each sort comes when all are in play, relative to the others.
pub(super) const WEIGHTS: &[(Sort, u64)] = &[
    (Sort::Kill, 6),
    (Sort::KillAll, 2),
    (Sort::PowerLoss, 6),
    (Sort::PowerLossAll, 2),
    (Sort::CrashInTurn, 8),
    (Sort::CrashInGroup, 6),
    (Sort::DiskError, 3),
    (Sort::Pause, 5),
    (Sort::SlowDisk, 8),
    (Sort::SlowReads, 5),
    (Sort::FillDisk, 3),
    (Sort::DamageDisk, 2),
    (Sort::WipeDisk, 2),
    (Sort::JumpClock, 4),
    (Sort::Clog, 4),
    (Sort::SlowLink, 4),
    (Sort::FalseGone, 3),
    (Sort::Depose, 6),
    (Sort::DeposeAndCut, 6),
    (Sort::Ambush, 25),
    (Sort::CutOneWay, 5),
    (Sort::CutBothWays, 5),
    (Sort::Isolate, 4),
    (Sort::Partition, 5),
    (Sort::Heal, 12),
    (Sort::Transfer, 5),
    (Sort::AddLearner, 4),
    (Sort::Promote, 8),
    (Sort::Remove, 4),
    (Sort::RemoveLeader, 2),
    (Sort::Replace, 3),
    (Sort::ReplaceSeveral, 3),
];

impl Sort {
    /// Whether it stops frames until somebody mends the network.
    pub(super) fn cuts(self) -> bool {
        matches!(self, Sort::CutOneWay | Sort::CutBothWays | Sort::Isolate | Sort::Partition)
    }
}
