//! The end of a run: everything is mended, and the cluster has to come together.

use std::collections::BTreeSet;

use kv_statemachine::{KeyRange, RangeRequest};
use raft_core::{Index, NodeId, Time};

use super::{Happening, Phase, World};
use crate::checks::Fact;
use crate::counts::Kind;
use crate::network::Profile;
use crate::report::Failure;
use crate::workload::{OpId, Outcome, Request};

/// The cluster has to be together again within this, in microseconds.
const PATIENCE_US: u64 = 90_000_000;
/// It is looked at this often, in microseconds.
const LOOK_US: u64 = 50_000;
/// The number of the client that asks at the very end.
const LAST_CLIENT: u64 = u64::MAX;

impl World {
    /// Chaos ends: all links work, disks are fast, and all processes start. A disk
    /// that is already bound to fail still does, once.
    pub(super) fn calm_down(&mut self) -> Result<(), Failure> {
        let until = Time(self.now.0 + PATIENCE_US);
        self.phase = Phase::Settling { until };
        self.note("calm", "all is mended");
        self.network.set_profile(Profile::calm());
        self.heal_network();
        for node in self.nodes.values_mut() {
            node.paused_until = self.now;
            node.slow_until = self.now;
        }
        for id in self.present() {
            self.queue.push(self.now, Happening::Boot { node: id });
        }
        self.queue.push(Time(self.now.0 + LOOK_US), Happening::Look);
        Ok(())
    }

    /// Is the cluster together? If so, one more read on each node, and the end.
    pub(super) fn look(&mut self) -> Result<(), Failure> {
        let Phase::Settling { until } = self.phase else { return Ok(()) };
        self.leave_joint();
        let missing = self.missing();
        if missing.is_empty() && self.is_last_read_done()? {
            self.phase = Phase::Done;
            return Ok(());
        }
        if self.now > until {
            let missing = missing.join("; ");
            return Err(Failure::Stuck { missing });
        }
        self.queue.push(Time(self.now.0 + LOOK_US), Happening::Look);
        Ok(())
    }

    /// What is still missing until the cluster is together.
    fn missing(&self) -> Vec<String> {
        let Some((leader, membership)) = self.leader() else {
            return vec!["there is no leader".to_owned()];
        };
        let mut missing = Vec::new();
        if membership.is_joint() {
            missing.push(format!("{leader} is still in the joint membership {membership}"));
        }
        if !self.clients.are_idle() {
            missing.push("clients still wait for answers".to_owned());
        }
        let last = self.nodes[&leader].last_status.as_ref().map(|status| status.last.index);
        for id in membership.members.keys() {
            let status = self.nodes.get(id).and_then(|node| node.last_status.as_ref());
            match status {
                Some(status) if Some(status.applied) == last => {}
                Some(status) => missing.push(format!(
                    "{id} has applied {} of {}",
                    status.applied,
                    last.unwrap_or(Index::ZERO)
                )),
                None => missing.push(format!("{id} does not run")),
            }
        }
        missing
    }

    /// Reads everything on each member, once all are together; whether that is done.
    fn is_last_read_done(&mut self) -> Result<bool, Failure> {
        let Some((_, membership)) = self.leader() else { return Ok(false) };
        let members: BTreeSet<NodeId> = membership.members.keys().copied().collect();
        if self.read_at_end == members {
            return Ok(true);
        }
        for id in members.difference(&self.read_at_end.clone()) {
            let read = RangeRequest::of(KeyRange::from_key("\0"));
            self.ask(LAST_CLIENT, *id, Request::Read(read))?;
        }
        Ok(false)
    }

    /// A node served its last read.
    pub(super) fn note_last_read(&mut self, client: u64, node: NodeId, outcome: &Outcome) {
        if client == LAST_CLIENT && matches!(outcome, Outcome::Read(Ok(_))) {
            self.read_at_end.insert(node);
        }
    }

    /// The whole history, and what each member's store holds now.
    pub(super) fn check_end(&mut self) -> Result<(), Failure> {
        let Some((_, membership)) = self.leader() else { return Ok(()) };
        for id in membership.members.keys() {
            self.check_store(*id)?;
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
