//! The end of a run: everything that is to heal is mended, and the cluster has to come
//! together.
//!
//! ```text
//!   chaos ends ─▶ a leader, nothing joint, nobody waits ─▶ a write at each member
//!              ─▶ all have applied all ─▶ a read of everything at each member ─▶ the end
//! ```
//!
//! All of it by the nodes that are healed, see [`core`](super::core), and get through to
//! their leader, see [`lame`](super::lame), and within [`PATIENCE_US`]. After that the
//! leader has to stay in office for a while: nothing speaks against it any more.

use std::collections::BTreeSet;

use kv_statemachine::{KeyRange, Operation, RangeRequest};
use raft_core::{NodeId, RoleName, Status, Term, Time};

use super::{Happening, Phase, World};
use crate::checks::Fact;
use crate::counts::Kind;
use crate::network::Profile;
use crate::report::Failure;
use crate::workload::{OpId, Outcome, Request, Tag};

/// The cluster has to be together again within this, in microseconds.
const PATIENCE_US: u64 = 60_000_000;
/// It is looked at this often, in microseconds.
const LOOK_US: u64 = 50_000;
/// A leader that stays so many election timeouts stays for good.
const STEADY_TIMEOUTS: u32 = 6;
/// The number of the client that asks at the very end; no other one has it.
const LAST_CLIENT: u64 = 999;

/// What the members have done at the very end.
#[derive(Debug, Default)]
pub(super) struct LastDeeds {
    /// How often the last client has asked for a write.
    asked: u64,
    /// Whose clients' writes were done.
    wrote: BTreeSet<NodeId>,
    /// Who served a read of everything after that.
    read: BTreeSet<NodeId>,
    /// The office that was held when all of that was done first, and since when.
    office: Option<((NodeId, Term), Time)>,
}

impl World {
    /// Chaos ends: all links between the nodes that are to heal work, disks are fast,
    /// and processes start. A disk that is already bound to fail still does, once.
    pub(super) fn calm_down(&mut self) -> Result<(), Failure> {
        let until = Time(self.now.0 + PATIENCE_US);
        self.phase = Phase::Settling { since: self.now, until };
        self.note("calm", "what is to heal is mended");
        self.network.set_profile(Profile::calm());
        self.heal_network();
        for node in self.nodes.values_mut() {
            node.paused_until = self.now;
            node.slow_until = self.now;
            node.slow_reads_until = self.now;
            node.full_until = node.full_until.min(self.now);
            node.disks.make_room();
        }
        self.choose_core()?;
        for id in self.core.clone() {
            self.queue.push(self.now, Happening::Boot { node: id });
        }
        self.queue.push(Time(self.now.0 + LOOK_US), Happening::Look);
        Ok(())
    }

    /// Is the cluster together? If so, the last deeds, and the end.
    pub(super) fn look(&mut self) -> Result<(), Failure> {
        let Phase::Settling { since, until } = self.phase else { return Ok(()) };
        let leader = self.core_leader().map(|status| (status.id, status.membership.clone()));
        if let Some((leader, membership)) = leader {
            self.leave_joint(leader, &membership);
        }
        let missing = self.missing();
        if missing.is_empty() && self.are_last_deeds_done()? && self.is_steady() {
            self.recovered = Some(self.now.since(since));
            self.phase = Phase::Done;
            return Ok(());
        }
        if self.now > until {
            let missing = if missing.is_empty() { self.deeds_missing() } else { missing };
            return Err(Failure::Stuck { missing: missing.join("; ") });
        }
        self.queue.push(Time(self.now.0 + LOOK_US), Happening::Look);
        Ok(())
    }

    /// The node that leads the latest term; one that is cut off from the healed nodes
    /// leads nobody, whatever it believes.
    fn core_leader(&self) -> Option<&Status> {
        let heard = self.nodes.iter().filter(|(id, _)| !self.cut_off.contains(id));
        let honest = heard.filter(|(_, node)| node.is_honest());
        let statuses = honest.filter_map(|(_, node)| node.last_status.as_deref());
        let leaders = statuses.filter(|status| status.role == RoleName::Leader);
        leaders.max_by_key(|status| status.ballot.term)
    }

    /// What is still missing until the cluster is together.
    fn missing(&self) -> Vec<String> {
        let Some(leader) = self.core_leader() else {
            return vec!["there is no leader".to_owned()];
        };
        let (membership, last) = (&leader.membership, leader.last.index);
        let mut missing = Vec::new();
        if membership.is_joint() {
            missing.push(format!("{} is still in the joint membership {membership}", leader.id));
        }
        if self.clients.wait_for(|node| self.core.contains(&node)) {
            missing.push("clients still wait for answers".to_owned());
        }
        for id in self.healed_around(leader.id, membership) {
            let status = self.nodes.get(&id).and_then(|node| node.last_status.as_deref());
            match status {
                Some(status) if status.applied == last => {}
                Some(status) => {
                    missing.push(format!("{id} has applied {} of {last}", status.applied));
                }
                None => missing.push(format!("{id} does not run")),
            }
        }
        missing
    }

    /// Writes at each member, and once all is applied everywhere reads everything
    /// there; whether that is done.
    fn are_last_deeds_done(&mut self) -> Result<bool, Failure> {
        let Some(leader) = self.core_leader() else { return Ok(false) };
        let members = self.healed_around(leader.id, &leader.membership);
        let to_write: Vec<NodeId> = members.difference(&self.last_deeds.wrote).copied().collect();
        for &id in &to_write {
            self.last_deeds.asked += 1;
            let tag = Tag(LAST_CLIENT + self.last_deeds.asked * 1_000);
            let put = Operation::Put(tag.put("last".into(), 0));
            self.ask(LAST_CLIENT, id, Request::Write(put))?;
        }
        if !to_write.is_empty() {
            return Ok(false);
        }
        let to_read: Vec<NodeId> = members.difference(&self.last_deeds.read).copied().collect();
        for &id in &to_read {
            let read = RangeRequest::of(KeyRange::from_key("\0"));
            self.ask(LAST_CLIENT, id, Request::Read(read))?;
        }
        Ok(to_read.is_empty())
    }

    /// Whether the leader has been in office for as long as it takes to trust in it.
    fn is_steady(&mut self) -> bool {
        let Some(office) = self.core_leader().map(|status| (status.id, status.ballot.term)) else {
            return false;
        };
        let now = self.now;
        match self.last_deeds.office {
            Some((same, since)) if same == office => {
                now.since(since) >= self.setup.election_timeout() * STEADY_TIMEOUTS
            }
            _ => {
                self.last_deeds.office = Some((office, now));
                false
            }
        }
    }

    fn deeds_missing(&self) -> Vec<String> {
        let LastDeeds { wrote, read, .. } = &self.last_deeds;
        vec![format!(
            "{wrote:?} wrote and {read:?} read for the last client, and no leader stays in office"
        )]
    }

    /// A node answered the last client.
    pub(super) fn note_last_deed(&mut self, client: u64, node: NodeId, outcome: &Outcome) {
        match outcome {
            _ if client != LAST_CLIENT => {}
            Outcome::Written(_) => {
                self.last_deeds.wrote.insert(node);
            }
            Outcome::Read(Ok(_)) => {
                self.last_deeds.read.insert(node);
            }
            Outcome::Read(Err(_)) | Outcome::NotWritten | Outcome::Unknown | Outcome::NotRead => {}
        }
    }

    /// The whole history, and what each healed member's store holds now.
    pub(super) fn check_end(&mut self) -> Result<(), Failure> {
        let Some(leader) = self.core_leader() else { return Ok(()) };
        for id in self.healed_around(leader.id, &leader.membership) {
            self.check_store(id)?;
        }
        self.observe(&Fact::Ended)
    }

    /// Compares a node's store with the model: all keys as of now, and every write
    /// that is not compacted as of its own revision.
    fn check_store(&mut self, id: NodeId) -> Result<(), Failure> {
        let Some(process) = self.nodes.get(&id).and_then(|node| node.process.as_ref()) else {
            return Ok(());
        };
        let view = process.view();
        let model = &self.checks.known().model;
        let oldest = model.compacted().max(1);
        let mut reads = Vec::new();
        for revision in oldest..=model.revision() {
            let read = RangeRequest { revision, ..RangeRequest::of(KeyRange::from_key("\0")) };
            let found = view.range(&read).map_err(|error| {
                Failure::Stopped(format!("{id} cannot read its store: {error}"))
            })?;
            reads.push((Request::Read(read), Outcome::Read(Ok(found))));
        }
        let hash = view
            .state_hash()
            .map_err(|error| Failure::Stopped(format!("{id} cannot read its store: {error}")))?;
        let index = view.applied().index;
        for (request, outcome) in reads {
            let op = OpId(0);
            self.observe(&Fact::Completed { op, request: &request, outcome: &outcome })?;
        }
        self.counts.add(Kind::HashCompared);
        self.observe(&Fact::Hashed { node: id, index, hash })
    }
}
