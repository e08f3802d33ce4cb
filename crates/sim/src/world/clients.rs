//! The clients: each asks some node for something, waits for the answer, thinks,
//! and asks again.

use std::collections::BTreeMap;

use raft_core::{NodeId, RoleName, Time};

use super::{Happening, Phase, World};
use crate::checks::Fact;
use crate::counts::Kind;
use crate::report::Failure;
use crate::rng::Rng;
use crate::workload::{Generator, OpId, Outcome, Request, tag_of};

/// All clients together.
#[derive(Debug)]
pub(super) struct Clients {
    rng: Rng,
    generator: Generator,
    /// The requests that wait for an answer.
    pending: BTreeMap<OpId, Pending>,
    asked: u64,
}

#[derive(Debug)]
struct Pending {
    client: u64,
    node: NodeId,
    request: Request,
}

impl Clients {
    pub(super) fn new(rng: Rng, keys: u64) -> Clients {
        let generator = Generator::new(rng.fork("requests"), keys);
        Clients { rng, generator, pending: BTreeMap::new(), asked: 0 }
    }

    /// Whether nobody waits for an answer.
    pub(super) fn are_idle(&self) -> bool {
        self.pending.is_empty()
    }
}

impl World {
    /// A client asks some node for something.
    pub(super) fn client_asks(&mut self, client: u64) -> Result<(), Failure> {
        if self.phase != Phase::Chaos {
            return Ok(());
        }
        let running: Vec<NodeId> = self.running();
        let Some(&node) = self.clients.rng.pick(&running) else {
            self.client_rests(client);
            return Ok(());
        };
        let revision = self.checks.known().told_revision.max(1);
        let request = self.clients.generator.next(revision);
        self.ask(client, node, request)
    }

    /// A client asks a node for this.
    pub(super) fn ask(
        &mut self,
        client: u64,
        node: NodeId,
        request: Request,
    ) -> Result<(), Failure> {
        self.clients.asked += 1;
        let op = OpId(self.clients.asked);
        let tag = match &request {
            Request::Write(operation) => tag_of(operation),
            Request::Read(_) => None,
        };
        self.observe(&Fact::Invoked { op, tag })?;
        self.note_of(node, "ask", &format!("{op}, client {client}: {request}"));
        let deadline = Time(self.now.0 + self.setup.deadline_us);
        if let Some(process) = self.nodes.get_mut(&node).and_then(|node| node.process.as_mut()) {
            process.submit(op, &request, deadline);
            self.clients.pending.insert(op, Pending { client, node, request });
        }
        self.after_turn(node)
    }

    /// A client is told what came of its request.
    pub(super) fn client_told(&mut self, op: OpId, outcome: Outcome) -> Result<(), Failure> {
        let Some(Pending { client, node, request }) = self.clients.pending.remove(&op) else {
            return Ok(());
        };
        self.note_of(node, "tell", &format!("{op}, client {client}: {outcome}"));
        self.observe(&Fact::Completed { op, request: &request, outcome: &outcome })?;
        self.count_outcome(node, &outcome);
        self.note_last_read(client, node, &outcome);
        self.client_rests(client);
        Ok(())
    }

    /// A process is gone, and with it its clients' connections.
    pub(super) fn fail_pending(&mut self, node: NodeId) -> Result<(), Failure> {
        let pending = self.clients.pending.iter().filter(|(_, pending)| pending.node == node);
        let failed: Vec<(OpId, Outcome)> = pending
            .map(|(op, pending)| match pending.request {
                Request::Write(_) => (*op, Outcome::Unknown),
                Request::Read(_) => (*op, Outcome::NotRead),
            })
            .collect();
        failed.into_iter().try_for_each(|(op, outcome)| self.client_told(op, outcome))
    }

    fn client_rests(&mut self, client: u64) {
        let rest = self.clients.rng.between(1, self.setup.think_us);
        self.queue.push(Time(self.now.0 + rest), Happening::Client { client });
    }

    fn count_outcome(&mut self, node: NodeId, outcome: &Outcome) {
        let leads = self.nodes.get(&node).is_some_and(|node| {
            node.last_status.as_ref().is_some_and(|status| status.role == RoleName::Leader)
        });
        match outcome {
            Outcome::Written(_) => {
                self.counts.add(Kind::WriteAcknowledged);
                self.counts.add_many(Kind::WriteForwarded, u64::from(!leads));
            }
            Outcome::NotWritten => self.counts.add(Kind::WriteRefused),
            Outcome::Unknown => self.counts.add(Kind::WriteUnknown),
            Outcome::Read(_) if leads => self.counts.add(Kind::ReadOnLeader),
            Outcome::Read(_) => self.counts.add(Kind::ReadOnFollower),
            Outcome::NotRead => self.counts.add(Kind::ReadFailed),
        }
    }

    /// The nodes whose processes run.
    pub(super) fn running(&self) -> Vec<NodeId> {
        self.nodes.iter().filter(|(_, node)| node.is_up()).map(|(id, _)| *id).collect()
    }
}
