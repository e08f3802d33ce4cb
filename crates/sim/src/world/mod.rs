//! A cluster, its network, its disks, its clients and its misfortunes, in
//! simulated time.
//!
//! ```text
//!            0                       chaos ends                 together again
//!   faults   ├── one every now and then ──┤ all nodes, or a majority, healed for good
//!   clients  ├── requests to any node ────┤ ── a few more ──┤
//!   checks   ├── each fact as it happens ───────────────────────┤ the whole history
//!                    safety                       liveness
//! ```
//!
//! One loop takes the next thing that happens out of a queue and lets it happen.
//! Everything random comes from streams of the run's seed, everything else from
//! the code that is simulated: one seed is one history.

mod admin;
mod ambush;
mod clients;
mod core;
mod count;
mod coup;
mod faults;
mod handshake;
mod lame;
mod losses;
mod nodes;
mod pace;
mod settle;
mod setup;
mod traffic;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use raft_core::{Incarnation, Index, Membership, NodeId, SnapshotMeta, Time};

use crate::checks::{Checks, Fact};
use crate::counts::Counts;
use crate::faults::{Ambush, Plan, Planned};
use crate::network::Network;
use crate::node::Worker;
use crate::options::Options;
use crate::panics;
use crate::queue::EventQueue;
use crate::report::{Failure, Report};
use crate::rng::Rng;
use crate::trace::Trace;
use admin::Admin;
use ambush::Ambushes;
use clients::Clients;
use nodes::Node;
use settle::LastDeeds;
use setup::Setup;

/// So many things happen in a second at most, unless nodes answer each other's answers.
const MOST_IN_A_SECOND: u64 = 50_000;

/// Runs one seed.
pub fn run(seed: u64, options: &Options, trace: Trace) -> Report {
    let mut world = World::new(seed, options, trace);
    let mut run = || panics::catch(|| world.run());
    #[cfg(feature = "planted-bugs")]
    let mut run = || match options.passes_over_invariants {
        true => raft_core::pass_over_invariants(&mut run).0,
        false => run(),
    };
    let failure = match run() {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => Some(failure),
        Err(message) => Some(Failure::Panicked(message)),
    };
    let (trace, lines, ended) = (world.trace.hash(), world.trace.lines(), world.now);
    let recovered = world.recovered;
    Report { seed, trace, lines, counts: world.counts, ended, recovered, failure }
}

/// The numbers of the faults that a run of these options has, in rising order.
pub fn faults(seed: u64, options: &Options) -> Vec<u32> {
    let world = World::new(seed, options, Trace::silent());
    let mut numbers: Vec<u32> = world.plan.faults().iter().map(|planned| planned.number).collect();
    numbers.sort_unstable();
    numbers
}

/// Everything there is.
struct World {
    #[cfg(feature = "planted-bugs")]
    mutation: Option<&'static crate::mutation::Mutation>,
    setup: Setup,
    rng: Rng,
    now: Time,
    queue: EventQueue<Happening>,
    network: Network,
    nodes: BTreeMap<NodeId, Node>,
    clients: Clients,
    admin: Admin,
    plan: Plan,
    ambushes: Ambushes,
    /// How long it takes until things are noticed.
    notice: Rng,
    checks: Checks,
    counts: Counts,
    trace: Trace,
    phase: Phase,
    /// The second that it is, and how much happened in it.
    traffic: (u64, u64),
    /// The membership that was committed last, and by which entry.
    committed_membership: (Index, Membership),
    /// The lives that ran on a wiped disk.
    impostors: BTreeSet<Incarnation>,
    /// The handshakes that failed, by who dialled.
    refused: BTreeSet<(NodeId, Incarnation, NodeId)>,
    /// The nodes that are healed when chaos ends.
    core: BTreeSet<NodeId>,
    /// The nodes that are left cut off from them then.
    cut_off: BTreeSet<NodeId>,
    last_deeds: LastDeeds,
    /// How long it took until the cluster was together again.
    recovered: Option<Duration>,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Faults happen.
    Chaos,
    /// Everything is mended; the cluster has until then to come together.
    Settling {
        /// Since when.
        since: Time,
        /// When patience ends.
        until: Time,
    },
    /// It has.
    Done,
}

/// What happens next.
#[derive(Debug)]
enum Happening {
    /// A worker of a process takes its turn.
    Turn { node: NodeId, life: u64, worker: Worker },
    /// What came of a worker's turn is known to the others.
    TurnEnds { node: NodeId, life: u64, worker: Worker },
    /// A process wanted to be woken.
    Wakeup { node: NodeId, life: u64 },
    /// A frame arrives.
    Arrival { from: NodeId, incarnation: Incarnation, to: NodeId, bytes: Bytes, is_damaged: bool },
    /// A node's transport reports that a peer's process is gone.
    Gone { to: NodeId, peer: NodeId, incarnation: Incarnation },
    /// A node's transport reports that a stream to a peer broke.
    Unreachable { to: NodeId, peer: NodeId },
    /// A node's log store hears that there is a pause.
    Idle { node: NodeId, life: u64 },
    /// A node's transport reports that a peer is there.
    Connected { to: NodeId, peer: NodeId },
    /// A node's process starts.
    Boot { node: NodeId },
    /// The fault at a place of the plan.
    Fault { place: usize },
    /// An ambush strikes.
    Strike { planned: Planned, ambush: Ambush, node: NodeId },
    /// The links of these nodes work again.
    Mended { nodes: Vec<NodeId> },
    /// A client reads at a leader that is being deposed.
    ReadThere { node: NodeId },
    /// The operator wants a node to lead again.
    HandBack { node: NodeId },
    /// A client asks for something.
    Client { client: u64 },
    /// Chaos ends.
    Calm,
    /// The operator looks after a lost node.
    Repair { node: NodeId },
    /// A node's watch over its disk looks.
    Watch { node: NodeId },
    /// Is the cluster together again?
    Look,
}

impl World {
    fn new(seed: u64, options: &Options, trace: Trace) -> World {
        let rng = Rng::new(seed);
        let setup = Setup::draw(&mut rng.fork("setup"), options);
        let mut plan = Plan::draw(rng.fork("faults"), setup.chaos_us);
        if let Some(numbers) = &options.faults {
            plan = plan.only(numbers);
        }
        if let Some(gap) = options.gap {
            plan = plan.hurried(gap);
        }
        let shaken = match options.shake {
            0 => rng.clone(),
            shake => rng.fork("shaken").fork_number(shake),
        };
        World {
            #[cfg(feature = "planted-bugs")]
            mutation: options.mutation,
            network: Network::new(setup.network.clone(), shaken.fork("network")),
            clients: Clients::new(&rng.fork("clients"), setup.clients, setup.mix),
            plan,
            ambushes: Ambushes::default(),
            notice: shaken.fork("notice"),
            admin: Admin::new(&setup.membership()),
            setup,
            rng,
            now: Time(0),
            queue: EventQueue::default(),
            nodes: BTreeMap::new(),
            checks: Checks::watching(options.watched()),
            counts: Counts::default(),
            trace,
            phase: Phase::Chaos,
            traffic: (0, 0),
            committed_membership: (Index::ZERO, Membership::default()),
            impostors: BTreeSet::new(),
            refused: BTreeSet::new(),
            core: BTreeSet::new(),
            cut_off: BTreeSet::new(),
            last_deeds: LastDeeds::default(),
            recovered: None,
        }
    }

    fn run(&mut self) -> Result<(), Failure> {
        self.begin();
        while self.phase != Phase::Done {
            let Some((at, happening)) = self.queue.pop() else {
                return Err(Failure::Stuck { missing: "nothing happens any more".to_owned() });
            };
            self.now = at;
            self.let_happen(happening)?;
            self.bound_traffic()?;
        }
        self.check_end()
    }

    fn begin(&mut self) {
        let membership = self.setup.membership();
        self.committed_membership.1 = membership.clone();
        let founders: Vec<NodeId> = membership.members.keys().copied().collect();
        let bootstrap = SnapshotMeta::bootstrap(membership);
        for id in founders {
            self.add_node(id, bootstrap.clone());
        }
        for client in 0..self.setup.clients {
            let at = self.notice.between(1_000, 500_000);
            self.queue.push(Time(at), Happening::Client { client });
        }
        self.await_fault(0);
        self.queue.push(Time(self.setup.chaos_us), Happening::Calm);
    }

    fn let_happen(&mut self, happening: Happening) -> Result<(), Failure> {
        match happening {
            Happening::Turn { node, life, worker } => self.take_turn(node, life, worker),
            Happening::TurnEnds { node, life, worker } => self.end_turn(node, life, worker),
            Happening::Wakeup { node, life } => self.wake(node, life),
            Happening::Arrival { from, to, bytes, is_damaged: true, .. } => {
                self.refuse_damaged(from, to, &bytes)
            }
            Happening::Arrival { from, incarnation, to, bytes, is_damaged: false } => {
                self.arrive(from, incarnation, to, &bytes)
            }
            Happening::Gone { to, peer, incarnation } => self.tell_gone(to, peer, incarnation),
            Happening::Unreachable { to, peer } => self.tell_unreachable(to, peer),
            Happening::Idle { node, life } => self.idle(node, life),
            Happening::Connected { to, peer } => {
                self.tell_connected(to, peer);
                Ok(())
            }
            Happening::Boot { node } => self.boot(node),
            Happening::Fault { place } => self.meet_fault(place),
            Happening::Strike { planned, ambush, node } => self.strike(&planned, &ambush, node),
            Happening::Mended { nodes } => {
                self.mend(&nodes);
                Ok(())
            }
            Happening::ReadThere { node } => self.read_there(node),
            Happening::HandBack { node } => {
                self.hand_back(node);
                Ok(())
            }
            Happening::Client { client } => self.client_asks(client),
            Happening::Calm => self.calm_down(),
            Happening::Repair { node } => self.repair(node),
            Happening::Watch { node } => self.watch_disk(node),
            Happening::Look => self.look(),
        }
    }

    /// Counts what happens in each second.
    fn bound_traffic(&mut self) -> Result<(), Failure> {
        let second = self.now.0 / 1_000_000;
        let (counted, number) = self.traffic;
        self.traffic = (second, if counted == second { number + 1 } else { 1 });
        if self.traffic.1 <= MOST_IN_A_SECOND {
            return Ok(());
        }
        Err(Failure::Flooded(format!("{MOST_IN_A_SECOND} things happened within second {second}")))
    }

    /// Tells the checks of a fact.
    fn observe(&mut self, fact: &Fact<'_>) -> Result<(), Failure> {
        self.checks.observe(fact).map_err(Failure::Violated)
    }

    /// Notes a step of the world.
    fn note<D: Display + ?Sized>(&mut self, what: &'static str, detail: &D) {
        self.trace.note(self.now, None, what, detail);
    }

    /// Notes a step of a node.
    fn note_of<D: Display + ?Sized>(&mut self, node: NodeId, what: &'static str, detail: &D) {
        self.trace.note(self.now, Some(node), what, detail);
    }
}
