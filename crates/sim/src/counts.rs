//! What was seen in a run, counted: a fault that never happened was not tested.

use std::fmt;

macro_rules! kinds {
    ($($variant:ident $label:literal),* $(,)?) => {
        /// One kind of thing that is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = $label] $variant),*
        }

        impl Kind {
            /// All kinds, in the order of the table.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant),*];

            /// What the table calls it.
            pub fn label(self) -> &'static str {
                match self {
                    $(Kind::$variant => $label),*
                }
            }
        }
    };
}

kinds! {
    FrameLost "frames lost",
    FrameDuplicated "frames duplicated",
    FrameReordered "frames reordered",
    FrameDamaged "frames damaged",
    LinkClogged "links clogged",
    LinkSlow "links slowed down",
    LinkCutOneWay "links cut one way",
    LinkCutBothWays "links cut both ways",
    Partition "partitions into groups",
    NodeIsolated "nodes isolated",
    Heal "network heals",
    PeerGone "peers reported gone",
    FalsePeerGone "peers falsely reported gone",
    LeaderDeposed "leaders deposed without their knowledge",
    Ambush "faults that struck at their moment",
    PeerUnreachable "peers reported unreachable",
    SnapshotStreamBroken "snapshot streams broken",
    Kill "processes killed",
    KillAll "all processes killed at once",
    PowerLoss "power losses",
    PowerLossAll "power losses of all nodes at once",
    CrashInTurn "crashes in the middle of a turn",
    WritesLost "files whose unsynced writes a power loss took",
    WritesTorn "files whose unsynced writes it tore or reordered",
    CutOffGroup "unsynced groups cut off at a start",
    Restart "restarts",
    Pause "pauses",
    SlowDisk "slow disks",
    SlowReads "disks slow to read",
    DiskError "disk errors",
    DiskFull "disks filled up",
    DiskFullDeath "nodes ended by a full disk",
    DiskDamaged "disks damaged at rest",
    DamageRefused "damaged disks refused at a start",
    DiskWiped "disks wiped",
    WipedRefusedStart "wiped nodes that did not start, on their peers' word",
    WipedRefused "wiped nodes refused by handshake",
    RemovedRefused "removed nodes refused by handshake",
    LostReplaced "nodes without their disk replaced",
    ClockJump "clocks that jumped",
    MajorityHealed "runs in which only a majority was healed",
    LeftDead "nodes left dead for good",
    LeftFull "nodes left with a full disk for good",
    LeftCutOff "nodes left cut off, deaf or mute for good",
    LinkLeftDown "links left down for good",
    Campaign "campaigns",
    LeaderElected "leaders elected",
    LeaderByPeerGone "leaders elected after a peer was reported gone",
    Truncation "logs truncated",
    ReplacedInFlight "entries replaced with writes in flight",
    PersistedClipped "syncs reported over clipped writes",
    StaleFetch "stale fetches dropped",
    InstallOverWrites "snapshots installed with writes waiting",
    CrashWhileJoint "crashes while joint",
    CrashWhileInstalling "crashes in the middle of an installation",
    ReplacedUnderWrites "replacements of members begun with writes in flight",
    LateTimeoutNow "late orders to campaign",
    SnapshotTaken "snapshots taken",
    SnapshotInstalled "snapshots installed",
    Purge "logs purged",
    MembershipChange "membership changes committed",
    JointMembership "joint memberships committed",
    LearnerAdded "learners added",
    LearnerPromoted "learners promoted",
    MemberRemoved "members removed",
    MemberReplaced "members replaced",
    LeaderRemoved "leaders asked to remove themselves",
    NodeJoined "nodes started with an empty log",
    TransferDone "leadership transfers done",
    TransferRefused "leadership transfers refused",
    Operation "operations asked for",
    WriteAcknowledged "writes acknowledged",
    WriteForwarded "writes acknowledged by followers",
    WriteUnknown "writes of unknown outcome",
    WriteRefused "writes refused",
    WriteNoSpace "writes refused for want of space",
    AlarmRaised "alarms raised",
    AlarmLifted "alarms lifted",
    ReadOnLeader "reads served by leaders",
    ReadOnFollower "reads served by followers",
    ReadSerializable "reads served without asking anybody",
    ReadFailed "reads refused",
    Compaction "compactions",
    HashCompared "state hashes compared",
}

/// How often each [`Kind`] was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    numbers: Vec<u64>,
}

impl Default for Counts {
    fn default() -> Counts {
        Counts { numbers: vec![0; Kind::ALL.len()] }
    }
}

impl Counts {
    /// Counts one.
    pub fn add(&mut self, kind: Kind) {
        self.add_many(kind, 1);
    }

    /// Counts several.
    pub fn add_many(&mut self, kind: Kind, number: u64) {
        self.numbers[kind as usize] += number;
    }

    /// How often a kind was seen.
    pub fn get(&self, kind: Kind) -> u64 {
        self.numbers[kind as usize]
    }

    /// How many operations were done and their clients told so, reads among them.
    pub fn acknowledged(&self) -> u64 {
        let kinds = [
            Kind::WriteAcknowledged,
            Kind::ReadOnLeader,
            Kind::ReadOnFollower,
            Kind::ReadSerializable,
        ];
        kinds.into_iter().map(|kind| self.get(kind)).sum()
    }

    /// Adds all that others have counted.
    pub fn merge(&mut self, other: &Counts) {
        for (mine, theirs) in self.numbers.iter_mut().zip(&other.numbers) {
            *mine += theirs;
        }
    }

    /// The kinds that were never seen.
    pub fn missing(&self) -> Vec<Kind> {
        Kind::ALL.iter().copied().filter(|kind| self.get(*kind) == 0).collect()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kind in Kind::ALL {
            writeln!(f, "{:>12}  {}", self.get(*kind), kind.label())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_seen_is_missing() {
        let mut counts = Counts::default();
        assert_eq!(counts.missing(), Kind::ALL);
        counts.add(Kind::Kill);
        let mut others = Counts::default();
        others.add_many(Kind::Pause, 3);
        counts.merge(&others);
        assert_eq!((counts.get(Kind::Kill), counts.get(Kind::Pause)), (1, 3));
        assert_eq!(counts.missing().len(), Kind::ALL.len() - 2);
    }

    #[test]
    fn the_table_has_a_line_for_each_kind() {
        let table = Counts::default().to_string();
        assert_eq!(table.lines().count(), Kind::ALL.len());
        assert!(table.contains("           0  power losses\n"), "{table}");
    }
}
