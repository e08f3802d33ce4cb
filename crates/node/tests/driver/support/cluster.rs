//! A cluster of drivers in one thread, on virtual time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use balsa::driver::queues::Notice;
use balsa::driver::request::{CallId, Done, RequestBody, RequestError};
use balsa::driver::{Driver, DriverConfig, Fatal, Worker};
use raft_core::{Config, Incarnation, Limits, Membership, NodeId, RoleName, SnapshotMeta, Time};
use raft_net::{Frame, TransportEvent};

use super::disks::Disks;
use super::journal::{self, Journal, REQUEST_IDS, Reply};
use super::random::Random;

/// How long a frame travels.
const DELAY: Duration = Duration::from_millis(1);

pub struct Cluster {
    pub now: Time,
    pub nodes: BTreeMap<NodeId, Node>,
    /// Links that carry nothing.
    pub cut: BTreeSet<(NodeId, NodeId)>,
    /// Workers that get no turns, as if their disks hung.
    pub frozen: BTreeSet<(NodeId, Worker)>,
    /// The answers, by the node that was asked and the number of the call.
    pub answers: BTreeMap<(NodeId, CallId), Result<Done<Reply>, RequestError>>,
    frames: VecDeque<InFlight>,
    random: Random,
    bootstrap: SnapshotMeta,
    limits: Limits,
    calls: u64,
}

pub struct Node {
    pub disks: Disks,
    /// `None` while the node is down.
    pub driver: Option<Driver<Journal>>,
    /// Snapshots that took the place of its state.
    pub installs: u64,
    incarnation: Incarnation,
}

struct InFlight {
    at: Time,
    from: NodeId,
    incarnation: Incarnation,
    to: NodeId,
    frame: Frame,
}

impl Cluster {
    /// Nodes 1 to `count`, all started. Turns are given in an order by the seed.
    pub fn new(count: u64, seed: u64, limits: Limits) -> Cluster {
        println!("seed {seed}");
        let bootstrap = SnapshotMeta::bootstrap(Membership::of_voters((1..=count).map(NodeId)));
        let mut cluster = Cluster {
            now: Time(0),
            nodes: BTreeMap::new(),
            cut: BTreeSet::new(),
            frozen: BTreeSet::new(),
            answers: BTreeMap::new(),
            frames: VecDeque::new(),
            random: Random::new(seed),
            bootstrap,
            limits,
            calls: 0,
        };
        for id in (1..=count).map(NodeId) {
            let disks = Disks::new(seed * 100 + id.0, cluster.bootstrap.clone());
            let incarnation = Incarnation(0);
            let node = Node { disks, driver: None, installs: 0, incarnation };
            cluster.nodes.insert(id, node);
            cluster.start(id);
        }
        cluster
    }

    /// Starts a node that is down.
    pub fn start(&mut self, id: NodeId) {
        let limits = self.limits.clone();
        let node = self.nodes.get_mut(&id).expect("the node exists");
        node.incarnation = Incarnation(node.incarnation.0 + 1);
        let raft = Config { limits, ..Config::new(id, node.incarnation) };
        let mut config = DriverConfig { storage_id: Some(id.0), ..DriverConfig::new(raft) };
        config.limits.admitted_requests = 20;
        let opened = Driver::open(&config, REQUEST_IDS, node.disks.open(), self.now);
        node.driver = Some(opened.expect("the node starts").0);
        let own = node.incarnation;
        let peers: Vec<(NodeId, Incarnation)> =
            self.nodes.iter().map(|(id, node)| (*id, node.incarnation)).collect();
        for (peer, incarnation) in peers.into_iter().filter(|(peer, _)| *peer != id) {
            let here = TransportEvent::PeerConnected { peer, incarnation, storage: peer.0 };
            self.deliver(id, here);
            let there = TransportEvent::PeerConnected { peer: id, incarnation: own, storage: id.0 };
            self.deliver(peer, there);
        }
    }

    /// A node loses power. Its peers' transports notice.
    pub fn crash(&mut self, id: NodeId) {
        let node = self.nodes.get_mut(&id).expect("the node exists");
        node.driver = None;
        node.disks.restart();
        let incarnation = node.incarnation;
        self.frames.retain(|frame| frame.from != id && frame.to != id);
        let peers: Vec<NodeId> = self.nodes.keys().copied().filter(|peer| *peer != id).collect();
        for peer in peers {
            self.deliver(peer, TransportEvent::PeerGone { peer: id, incarnation });
        }
    }

    /// What a node has sent arrives now, and what was sent on cut links is lost.
    pub fn hear_out(&mut self, id: NodeId) {
        let frames = std::mem::take(&mut self.frames);
        let (own, others) = frames.into_iter().partition(|frame| frame.from == id);
        self.frames = others;
        for frame in own {
            self.arrive(frame);
        }
    }

    /// Asks a node. The answer comes into [`Cluster::answers`].
    pub fn ask(&mut self, id: NodeId, body: RequestBody) -> CallId {
        self.calls += 1;
        let call = CallId(self.calls);
        let deadline = self.now.after(Duration::from_secs(5));
        self.driver(id).submit(call, deadline, body).expect("there is room");
        call
    }

    pub fn write(&mut self, id: NodeId, text: &str) -> CallId {
        self.ask(id, RequestBody::Write { format: 1, payload: journal::command(text) })
    }

    /// The answer to a call, once it is there.
    pub fn answer(&mut self, id: NodeId, call: CallId) -> Result<Done<Reply>, RequestError> {
        self.run_until(|cluster| cluster.answers.contains_key(&(id, call)));
        self.answers[&(id, call)].clone()
    }

    /// The leader of the highest term, once there is one that all running nodes know.
    pub fn leader(&mut self) -> NodeId {
        self.run_until(|cluster| cluster.known_leader().is_some());
        self.known_leader().expect("there is a leader")
    }

    pub fn driver(&mut self, id: NodeId) -> &mut Driver<Journal> {
        let node = self.nodes.get_mut(&id).expect("the node exists");
        node.driver.as_mut().expect("the node runs")
    }

    /// The texts that a node has applied.
    pub fn texts(&self, id: NodeId) -> Vec<(u64, String)> {
        self.nodes[&id].driver.as_ref().expect("the node runs").machine().texts()
    }

    /// Runs until the condition holds; a minute of virtual time is the limit.
    pub fn run_until(&mut self, holds: impl Fn(&Cluster) -> bool) {
        let limit = self.now.after(Duration::from_secs(60));
        while !holds(self) {
            assert!(self.now < limit, "the condition does not come true");
            self.step();
        }
    }

    /// Runs for a time.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now.after(duration);
        self.run_until(|cluster| cluster.now >= end);
    }

    /// Gives one turn to somebody who has work, or lets time pass.
    pub fn step(&mut self) {
        self.deliver_due();
        let now = self.now;
        let ready: Vec<(NodeId, Worker)> = self
            .nodes
            .iter()
            .flat_map(|(id, node)| node.driver.iter().map(move |driver| (*id, driver)))
            .flat_map(|(id, driver)| Worker::ALL.map(move |worker| (id, worker, driver)))
            .filter(|(id, worker, _)| !self.frozen.contains(&(*id, *worker)))
            .filter(|(_, worker, driver)| driver.has_work(*worker, now))
            .map(|(id, worker, _)| (id, worker))
            .collect();
        if ready.is_empty() {
            self.pass_time();
            return;
        }
        let (id, worker) = ready[self.random.below(ready.len() as u64) as usize];
        self.turn(id, worker).expect("the disks are well");
    }

    /// Gives a worker a turn and hands on what it gave.
    pub fn turn(&mut self, id: NodeId, worker: Worker) -> Result<(), Fatal> {
        let now = self.now;
        let result = self.driver(id).turn(worker, now);
        let outgoing = self.driver(id).take_outgoing();
        let incarnation = self.nodes[&id].incarnation;
        for (to, frame) in outgoing.frames {
            let at = now.after(DELAY);
            self.frames.push_back(InFlight { at, from: id, incarnation, to, frame });
        }
        for (call, result) in outgoing.answers {
            let before = self.answers.insert((id, call), result);
            assert!(before.is_none(), "{call} was answered twice");
        }
        let node = self.nodes.get_mut(&id).expect("the node exists");
        for notice in outgoing.notices {
            match notice {
                Notice::SnapshotInstalled(_) => node.installs += 1,
                Notice::Failed { what, error } => panic!("{id} failed to {what}: {error}"),
                _ => {}
            }
        }
        result
    }

    fn known_leader(&self) -> Option<NodeId> {
        let running = self.nodes.values().filter_map(|node| node.driver.as_ref());
        let statuses: Vec<_> = running.map(|driver| driver.status()).collect();
        let newest = statuses.iter().max_by_key(|status| status.ballot.term)?;
        let leads = statuses
            .iter()
            .any(|status| Some(status.id) == newest.leader && status.role == RoleName::Leader);
        let agreed = statuses.iter().all(|status| {
            status.leader == newest.leader && status.ballot.term == newest.ballot.term
        });
        newest.leader.filter(|_| leads && agreed)
    }

    fn deliver(&mut self, to: NodeId, event: TransportEvent) {
        if let Some(driver) = self.nodes.get_mut(&to).and_then(|node| node.driver.as_mut()) {
            driver.deliver(event);
        }
    }

    fn deliver_due(&mut self) {
        while self.frames.front().is_some_and(|frame| frame.at <= self.now) {
            let Some(frame) = self.frames.pop_front() else { return };
            self.arrive(frame);
        }
    }

    fn arrive(&mut self, arrival: InFlight) {
        let InFlight { from, incarnation, to, frame, .. } = arrival;
        if self.cut.contains(&(from, to)) {
            self.deliver(from, TransportEvent::PeerUnreachable(to));
        } else {
            self.deliver(to, TransportEvent::Frame { from, incarnation, frame });
        }
    }

    /// Nobody has work: on to the next moment at which somebody has.
    fn pass_time(&mut self) {
        let frame = self.frames.front().map_or(Time::NEVER, |frame| frame.at);
        let running = self.nodes.values().filter_map(|node| node.driver.as_ref());
        let timer = running.map(Driver::next_wakeup).min().unwrap_or(Time::NEVER);
        let next = frame.min(timer);
        assert!(next > self.now && next < Time::NEVER, "time passes");
        self.now = next;
    }
}
