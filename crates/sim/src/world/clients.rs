//! The clients: each asks some node for something every now and then, whether it was
//! answered or not, so that no misfortune of the cluster makes their load lighter.

use std::collections::BTreeMap;
use std::fmt;

use kv_statemachine::KvError;
use raft_core::{NodeId, RoleName, Time};

use super::{Happening, Phase, World};
use crate::checks::Fact;
use crate::counts::Kind;
use crate::report::Failure;
use crate::rng::Rng;
use crate::workload::{Generator, Mix, OpId, Outcome, Request, tag_of};

/// All clients together.
#[derive(Debug)]
pub(super) struct Clients {
    /// By their numbers.
    clients: Vec<Client>,
    /// The requests that wait for an answer.
    pending: BTreeMap<OpId, Pending>,
    asked: u64,
}

/// One client; what it does depends on no other.
#[derive(Debug)]
struct Client {
    rng: Rng,
    generator: Generator,
}

#[derive(Debug)]
struct Pending {
    client: u64,
    node: NodeId,
    request: Request,
}

impl Clients {
    /// So many clients.
    pub(super) fn new(rng: &Rng, number: u64, mix: Mix) -> Clients {
        let client = |number| {
            let rng = rng.fork_number(number);
            Client { generator: Generator::new(rng.fork("requests"), mix, number), rng }
        };
        let clients = (0..number).map(client).collect();
        Clients { clients, pending: BTreeMap::new(), asked: 0 }
    }

    /// Whether anybody waits for an answer of such a node.
    pub(super) fn wait_for(&self, is_such: impl Fn(NodeId) -> bool) -> bool {
        self.pending.values().any(|pending| is_such(pending.node))
    }
}

impl World {
    /// A client asks some node for something.
    pub(super) fn client_asks(&mut self, client: u64) -> Result<(), Failure> {
        if self.phase != Phase::Chaos {
            return Ok(());
        }
        let running: Vec<NodeId> = self.running();
        let revision = self.checks.known().told_revision.max(1);
        let place = usize::try_from(client).unwrap_or(usize::MAX);
        let Some(Client { rng, generator }) = self.clients.clients.get_mut(place) else {
            return Ok(());
        };
        let rest = rng.between(1, self.setup.think_us);
        self.queue.push(Time(self.now.0 + rest), Happening::Client { client });
        let request = generator.next(revision);
        match rng.pick(&running) {
            Some(&node) => self.ask(client, node, request),
            None => Ok(()),
        }
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
            Request::Read(_) | Request::LocalRead(_) => None,
        };
        self.observe(&Fact::Invoked { op, tag })?;
        self.counts.add(Kind::Operation);
        self.note_of(node, "ask", &Told { op, client, what: &request });
        let (now, deadline_us) = (self.now, self.setup.deadline_us);
        if let Some(host) = self.nodes.get_mut(&node)
            && let Some(process) = &mut host.process
        {
            let deadline = Time(host.clock.shows(now).0 + deadline_us);
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
        self.note_of(node, "tell", &Told { op, client, what: &outcome });
        self.observe(&Fact::Completed { op, request: &request, outcome: &outcome })?;
        self.count_outcome(node, &request, &outcome);
        self.note_last_deed(client, node, &outcome);
        Ok(())
    }

    /// A process is gone, and with it its clients' connections.
    pub(super) fn fail_pending(&mut self, node: NodeId) -> Result<(), Failure> {
        let pending = self.clients.pending.iter().filter(|(_, pending)| pending.node == node);
        let failed: Vec<(OpId, Outcome)> =
            pending.map(|(op, pending)| (*op, pending.request.given_up())).collect();
        failed.into_iter().try_for_each(|(op, outcome)| self.client_told(op, outcome))
    }

    fn count_outcome(&mut self, node: NodeId, request: &Request, outcome: &Outcome) {
        let leads = self.nodes.get(&node).is_some_and(|node| {
            node.last_status.as_deref().is_some_and(|status| status.role == RoleName::Leader)
        });
        match outcome {
            Outcome::Written(Err(KvError::NoSpace)) => self.counts.add(Kind::WriteNoSpace),
            Outcome::Written(_) => {
                self.counts.add(Kind::WriteAcknowledged);
                self.counts.add_many(Kind::WriteForwarded, u64::from(!leads));
            }
            Outcome::NotWritten => self.counts.add(Kind::WriteRefused),
            Outcome::Unknown => self.counts.add(Kind::WriteUnknown),
            Outcome::Read(_) if matches!(request, Request::LocalRead(_)) => {
                self.counts.add(Kind::ReadSerializable);
            }
            Outcome::Read(_) if leads => self.counts.add(Kind::ReadOnLeader),
            Outcome::Read(_) => self.counts.add(Kind::ReadOnFollower),
            Outcome::NotRead => self.counts.add(Kind::ReadFailed),
        }
    }

    /// The nodes whose processes run, and on the disks that they always had.
    pub(super) fn running(&self) -> Vec<NodeId> {
        self.nodes.iter().filter(|(_, node)| node.is_honest()).map(|(id, _)| *id).collect()
    }
}

/// What went between a client and a node.
struct Told<'a, T> {
    op: OpId,
    client: u64,
    what: &'a T,
}

impl<T: fmt::Display> fmt::Display for Told<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, client {}: {}", self.op, self.client, self.what)
    }
}
