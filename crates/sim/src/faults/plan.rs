//! All faults of one run, drawn beforehand.

use std::time::Duration;

use raft_core::{NodeId, Time};

use super::{Ambush, Fault, Sort, Temper};
use crate::rng::Rng;

/// A storm or a lull lasts from this to that, in microseconds.
const WEATHER_US: (u64, u64) = (6_000_000, 40_000_000);
/// In a lull, cut links are mended after so long, in microseconds.
const MENDED_US: (u64, u64) = (100_000, 4_000_000);

/// The faults of a run by their time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    faults: Vec<Planned>,
}

/// A fault that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Planned {
    /// When.
    pub at: Time,
    /// Names it within its run: the plan's first has 1.
    pub number: u32,
    /// What sort of fault.
    pub sort: Sort,
    /// What everything else about it is drawn from.
    pub luck: u64,
}

impl Plan {
    /// Draws the faults of so many microseconds. A longer plan begins as a shorter
    /// one does.
    pub fn draw(mut rng: Rng, length_us: u64) -> Plan {
        let rng = &mut rng;
        let mut faults = Vec::new();
        let (mut at, mut number) = (0, 0);
        let mut temper = Temper::storm(rng);
        let mut changes_at = rng.between(WEATHER_US.0, WEATHER_US.1);
        loop {
            at += rng.between(1, 2 * temper.interval_us);
            if at > length_us {
                break;
            }
            let mut sort = temper.pick(rng);
            if at > changes_at {
                temper = if rng.one_in(3) { Temper::storm(rng) } else { Temper::lull(rng) };
                changes_at = at + rng.between(WEATHER_US.0, WEATHER_US.1);
                sort = Sort::Heal;
            }
            number += 1;
            faults.push(Planned { at: Time(at), number, sort, luck: rng.bits() });
            if temper.is_lull && sort.cuts() {
                number += 1;
                let at = Time(at + rng.between(MENDED_US.0, MENDED_US.1));
                faults.push(Planned { at, number, sort: Sort::Heal, luck: rng.bits() });
            }
        }
        faults.retain(|planned| planned.at.0 <= length_us);
        faults.sort_unstable();
        Plan { faults }
    }

    /// Leaves out all faults but these.
    #[must_use]
    pub fn only(mut self, numbers: &[u32]) -> Plan {
        self.faults.retain(|planned| numbers.contains(&planned.number));
        self
    }

    /// Brings the faults nearer to each other: before the first and between any two
    /// goes by no more than this.
    #[must_use]
    pub fn hurried(mut self, gap: Duration) -> Plan {
        let most = u64::try_from(gap.as_micros()).unwrap_or(u64::MAX);
        let (mut before, mut moved) = (0, 0);
        for planned in &mut self.faults {
            let passed = planned.at.0 - before;
            before = planned.at.0;
            moved += passed.saturating_sub(most);
            planned.at.0 -= moved;
        }
        self
    }

    /// The fault at a place of the list.
    pub fn get(&self, place: usize) -> Option<&Planned> {
        self.faults.get(place)
    }

    /// All of them.
    pub fn faults(&self) -> &[Planned] {
        &self.faults
    }
}

impl Planned {
    /// What it is, when these nodes are there; `None` if it needs one and there is
    /// none.
    pub fn fault(&self, nodes: &[NodeId]) -> Option<Fault> {
        let node = self.choose(nodes, 1)?;
        let other = self.choose(nodes, 2)?;
        let rng = &mut Rng::new(self.luck);
        Some(match self.sort {
            Sort::Kill => Fault::Kill(node),
            Sort::KillAll => Fault::KillAll,
            Sort::PowerLoss => Fault::PowerLoss(node),
            Sort::PowerLossAll => Fault::PowerLossAll,
            Sort::CrashInTurn => Fault::CrashInTurn(node, rng.between(1, 15)),
            Sort::CrashInGroup => Fault::CrashInGroup(node),
            Sort::DiskError => Fault::DiskError(node, rng.between(1, 15)),
            Sort::Pause => Fault::Pause(node, rng.between(10_000, 2_000_000)),
            Sort::SlowDisk => Fault::SlowDisk(node, rng.between(100_000, 3_000_000)),
            Sort::SlowReads => Fault::SlowReads(node, rng.between(300_000, 5_000_000)),
            Sort::FillDisk => {
                Fault::FillDisk(node, rng.between(0, 32_768), rng.between(200_000, 6_000_000))
            }
            Sort::DamageDisk => Fault::DamageDisk(node),
            Sort::WipeDisk => Fault::WipeDisk(node),
            Sort::JumpClock => Fault::JumpClock(node, rng.between(1_000, 5_000_000)),
            Sort::Clog if node != other => Fault::Clog(node, other, rng.between(50_000, 3_000_000)),
            Sort::SlowLink if node != other => {
                let (us, slower_us) =
                    (rng.between(500_000, 10_000_000), rng.between(5_000, 300_000));
                Fault::SlowLink(node, other, us, slower_us)
            }
            Sort::FalseGone if node != other => Fault::FalseGone(node, other),
            Sort::Clog | Sort::SlowLink | Sort::FalseGone => {
                Fault::Pause(node, rng.between(10_000, 300_000))
            }
            Sort::Depose => Fault::Depose(rng.between(50_000, 1_500_000)),
            Sort::DeposeAndCut => Fault::DeposeAndCut(rng.between(50_000, 1_500_000)),
            Sort::Ambush => Fault::Ambush(Ambush::draw(rng)),
            Sort::CutOneWay if node != other => Fault::CutOneWay(node, other),
            Sort::CutBothWays if node != other => Fault::CutBothWays(node, other),
            Sort::Partition if nodes.len() > 1 => Fault::Partition(groups(nodes, rng)),
            Sort::Isolate | Sort::CutOneWay | Sort::CutBothWays | Sort::Partition => {
                Fault::Isolate(node)
            }
            Sort::Heal => Fault::Heal,
            Sort::Transfer => Fault::Transfer(rng.one_in(2).then_some(node)),
            Sort::AddLearner => Fault::AddLearner,
            Sort::Promote => Fault::Promote,
            Sort::Remove => Fault::Remove,
            Sort::RemoveLeader => Fault::RemoveLeader,
            Sort::Replace => Fault::Replace,
            Sort::ReplaceSeveral => Fault::ReplaceSeveral,
        })
    }

    /// How long a node that dies of it stays dead, in microseconds: often long
    /// enough for the others to elect, sometimes not.
    pub fn downtime_us(&self, node: NodeId) -> u64 {
        let mut rng = Rng::new(self.luck).fork_number(node.0);
        match rng.below(3) {
            0 => rng.between(1_000, 50_000),
            1 => rng.between(50_000, 1_000_000),
            _ => rng.between(500_000, 5_000_000),
        }
    }

    /// What further choices about it are drawn from.
    pub fn rng(&self) -> Rng {
        Rng::new(self.luck).fork("further")
    }

    /// One of the nodes. Another one is chosen only if the chosen one is missing
    /// (rendezvous hashing: Thaler and Ravishankar, 1998).
    fn choose(&self, nodes: &[NodeId], draw: u64) -> Option<NodeId> {
        let luck = Rng::new(self.luck).fork_number(draw << 32);
        nodes.iter().copied().max_by_key(|node| luck.fork_number(node.0).bits())
    }
}

/// Two groups, or sometimes three; none is empty unless there are too few nodes.
fn groups(nodes: &[NodeId], rng: &mut Rng) -> Vec<Vec<NodeId>> {
    let mut nodes = nodes.to_vec();
    rng.shuffle(&mut nodes);
    let first = rng.between(1, nodes.len() as u64 - 1) as usize;
    let mut rest = nodes.split_off(first);
    if rest.len() > 1 && rng.one_in(4) {
        let third = rest.split_off(1);
        return vec![nodes, rest, third];
    }
    vec![nodes, rest]
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_US: u64 = 60_000_000;

    fn nodes(number: u64) -> Vec<NodeId> {
        (1..=number).map(NodeId).collect()
    }

    #[test]
    fn a_partition_has_every_node_once() {
        let mut rng = Rng::new(2);
        let nodes = nodes(5);
        for _ in 0..100 {
            let groups = groups(&nodes, &mut rng);
            assert!(groups.len() >= 2 && groups.iter().all(|group| !group.is_empty()));
            let mut all: Vec<NodeId> = groups.concat();
            all.sort_unstable();
            assert_eq!(all, nodes);
        }
    }

    #[test]
    fn a_single_node_has_faults_too() {
        for planned in Plan::draw(Rng::new(3), 5 * MINUTE_US).faults() {
            let fault = planned.fault(&nodes(1)).expect("there is a node");
            assert!(!matches!(fault, Fault::Partition(_) | Fault::CutOneWay(..)), "{fault}");
            assert_eq!(planned.fault(&[]), None);
        }
    }

    #[test]
    fn a_longer_plan_begins_as_a_shorter_one() {
        let short = Plan::draw(Rng::new(4), MINUTE_US);
        let long = Plan::draw(Rng::new(4), 5 * MINUTE_US);
        let number = short.faults().len();
        assert!(number > 20, "{number} faults a minute");
        assert_eq!(short.faults(), &long.faults()[..number]);
    }

    #[test]
    fn a_fault_keeps_its_node_while_that_is_there() {
        let plan = Plan::draw(Rng::new(5), MINUTE_US);
        let mut chosen = [0; 5];
        for planned in plan.faults() {
            let node = planned.choose(&nodes(5), 1).expect("there are nodes");
            chosen[node.0 as usize - 1] += 1;
            let others: Vec<NodeId> = nodes(5).into_iter().filter(|other| *other != node).collect();
            let missed = others[0];
            let without: Vec<NodeId> =
                nodes(5).into_iter().filter(|other| *other != missed).collect();
            assert_eq!(planned.choose(&without, 1), Some(node));
        }
        assert!(chosen.iter().all(|times| *times > 0), "{chosen:?}: somebody is never met");
    }

    #[test]
    fn hurried_faults_keep_their_order_and_short_gaps() {
        let plan = Plan::draw(Rng::new(7), MINUTE_US);
        let hurried = plan.clone().hurried(Duration::from_millis(50));
        let mut before = (0, 0);
        for (was, is) in plan.faults().iter().zip(hurried.faults()) {
            assert_eq!((was.number, was.luck), (is.number, is.luck));
            assert_eq!(is.at.0 - before.1, (was.at.0 - before.0).min(50_000));
            before = (was.at.0, is.at.0);
        }
    }

    #[test]
    fn only_the_named_faults_stay() {
        let plan = Plan::draw(Rng::new(6), MINUTE_US);
        let some = plan.clone().only(&[3, 1]);
        assert_eq!(some.faults().len(), 2);
        assert!(some.faults().iter().all(|planned| plan.faults().contains(planned)));
    }
}
