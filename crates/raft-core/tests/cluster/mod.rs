//! A cluster of real cores in one process, in which nothing happens by itself:
//! time, disks, links and state machines move when they are told to.
//!
//! Every event goes through [`Cluster::step`], which performs the effects as far
//! as they are set to be performed at once, has the [`Checker`] look at all nodes,
//! and writes down what happened.

mod log_view;
mod network;
mod node;
mod safety;
mod work;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use raft_core::{Config, Effect, Event, Message, NodeId};
use raft_core::{SnapshotMeta, Ticket, Time, Write};

pub use log_view::LogView;
pub use network::{Link, Network, Packet};
pub use node::{Auto, Fetch, Node, State};
pub use safety::{Checker, Live, View};

/// What can go wrong: a broken property, or a command that makes no sense.
pub type Outcome = Result<(), String>;

/// The cluster.
#[derive(Default)]
pub struct Cluster {
    pub now: Time,
    pub nodes: BTreeMap<NodeId, Node>,
    pub network: Network,
    checker: Checker,
    output: String,
    tickets: u64,
}

impl Cluster {
    /// Adds a node that is not running yet.
    pub fn add(&mut self, config: Config, base: SnapshotMeta, auto: Auto) {
        self.nodes.insert(config.id, Node::new(config, base, auto));
    }

    /// A number for the next request.
    pub fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    /// The node, if there is one.
    pub fn node(&mut self, id: NodeId) -> Result<&mut Node, String> {
        self.nodes.get_mut(&id).ok_or_else(|| format!("there is no node {id}"))
    }

    /// All that was written down since the last call.
    pub fn take_output(&mut self) -> String {
        std::mem::take(&mut self.output)
    }

    pub fn print(&mut self, line: impl std::fmt::Display) {
        writeln!(self.output, "{line}").expect("a string takes everything");
    }

    /// Starts a node from what its disk holds.
    pub fn boot(&mut self, id: NodeId) -> Outcome {
        let now = self.now;
        self.node(id)?.boot(now)?;
        self.check()
    }

    /// Gives a node an event of the outside world, and does what follows at once.
    pub fn step(&mut self, id: NodeId, event: Event) -> Outcome {
        if self.node(id)?.raft.is_none() {
            return Err(format!("{id} is down"));
        }
        let line = format!("{id}: {event}");
        self.print(line);
        if let Event::Read(ticket) = event {
            self.checker.read_begins(ticket);
        }
        self.step_quietly(id, event)
    }

    /// The same for the completion of work, which is not worth a line.
    pub fn step_quietly(&mut self, id: NodeId, event: Event) -> Outcome {
        let now = self.now;
        let mut effects = self.node(id)?.step(now, event);
        let effects: Vec<Effect> = effects.drain().collect();
        // All writes are known before any message leaves: a leader's append goes
        // while its own write is on its way.
        for effect in &effects {
            if let Effect::Persist(write) = effect {
                self.issue(id, write)?;
            }
        }
        self.check()?;
        for effect in effects {
            self.print(format!("    {effect}"));
            self.perform(id, effect)?;
        }
        self.do_what_is_automatic(id)
    }

    fn issue(&mut self, id: NodeId, write: &Write) -> Outcome {
        let node = self.node(id)?;
        node.memory.write(&write.op);
        node.writes.push_back(write.clone());
        Ok(())
    }

    fn perform(&mut self, id: NodeId, effect: Effect) -> Outcome {
        let node = self.node(id)?;
        match effect {
            Effect::Persist(_) => {}
            Effect::Send(message) => self.send(message)?,
            Effect::Apply(entries) => node.batches.push_back(entries),
            Effect::Fetch { id, epoch, first, last, max_bytes } => {
                node.fetches.push_back(Fetch { id, epoch, first, last, max_bytes });
            }
            Effect::SendSnapshot { to, term, id: transfer } => {
                let (meta, state) = node.snapshot.clone();
                let packet = Packet::Snapshot { term, id: transfer, meta, state };
                self.put_on_the_way((id, to), packet)?;
            }
            Effect::TakeSnapshot => node.snapshot_wanted = true,
            Effect::DiscardSnapshot { from, id } => {
                node.aside.remove(&(from, id));
            }
            Effect::Answer { ticket, reply } => self.checker.answer(ticket, &reply)?,
            Effect::Stop(reason) => node.stopped = Some(reason),
            Effect::RoleChanged { .. }
            | Effect::MembershipChanged { .. }
            | Effect::Probe(_)
            | Effect::Ignored { .. } => {}
        }
        Ok(())
    }

    fn send(&mut self, message: Message) -> Outcome {
        let incarnation = self.node(message.from)?.incarnation();
        self.checker.sends(&view(&self.nodes[&message.from]), &message)?;
        let link = (message.from, message.to);
        self.put_on_the_way(link, Packet::Message { incarnation, message })
    }

    fn put_on_the_way(&mut self, link: Link, packet: Packet) -> Outcome {
        if !self.network.is_cut(link) && self.nodes.contains_key(&link.1) {
            self.network.push(link, packet);
            return Ok(());
        }
        self.lose(link, packet)
    }

    /// A packet is lost. That of a snapshot is noticed by the sender.
    pub fn lose(&mut self, (from, to): Link, packet: Packet) -> Outcome {
        match packet {
            Packet::Snapshot { id, .. } if self.node(from)?.raft.is_some() => {
                self.step_quietly(from, Event::SnapshotSent { to, id, delivered: false })
            }
            _ => Ok(()),
        }
    }

    /// A packet arrives, if the link holds and the receiver is up.
    pub fn deliver(&mut self, link: Link, packet: Packet) -> Outcome {
        let (from, to) = link;
        let is_up = self.nodes.get(&to).is_some_and(|node| node.raft.is_some());
        if self.network.is_cut(link) || !is_up {
            return self.lose(link, packet);
        }
        match packet {
            Packet::Message { incarnation, message } => {
                self.step(to, Event::Message { incarnation, message })
            }
            Packet::Snapshot { term, id, meta, state } => {
                self.node(to)?.aside.insert((from, id), (meta.clone(), state));
                self.step(to, Event::SnapshotReceived { from, term, id, meta })?;
                if self.node(from)?.raft.is_some() {
                    self.step_quietly(from, Event::SnapshotSent { to, id, delivered: true })?;
                }
                Ok(())
            }
        }
    }

    /// Ends a node's process.
    pub fn crash(&mut self, id: NodeId) -> Outcome {
        self.node(id)?.crash();
        self.check()
    }

    /// Whether a request was answered.
    pub fn is_answered(&self, ticket: Ticket) -> bool {
        self.checker.is_answered(ticket)
    }

    fn check(&mut self) -> Outcome {
        let views: Vec<View> = self.nodes.values().map(view).collect();
        self.checker.observe(&views).map_err(|what| format!("{what}\n{}", self.output))
    }
}

fn view(node: &Node) -> View<'_> {
    let live = node.status().map(|status| Live {
        role: status.role,
        term: status.ballot.term,
        commit: status.commit,
        membership: status.membership,
    });
    View {
        id: node.config.id,
        boots: node.boots,
        live,
        memory: &node.memory,
        disk: &node.disk,
        snapshot: &node.snapshot.0,
        state: &node.state,
    }
}
