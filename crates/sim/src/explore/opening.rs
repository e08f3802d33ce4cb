//! From new nodes to the state where an exploration begins.

use raft_core::NodeId;

use super::bounds::{Budget, PerNode};
use super::history::{Nodes, id_of};
use super::letter::Letter;
use super::model::{Model, State};
use super::property::Violation;
use super::scenario::Scenario;
use super::step::Step;

/// One move of an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// The node's election deadline passes.
    Stand(u64),
    /// The node, which leads, is given a command.
    Propose(u64),
    /// The leader's heartbeats are due.
    Beat(u64),
    /// A client asks the node for a linearizable read.
    Read(u64),
    /// The node's oldest write is done.
    Write(u64),
    /// The stream of the leader to a peer breaks.
    Break(u64, u64),
    /// All that is on its way from one node to another comes.
    Carry(u64, u64),
    /// All that is on its way comes, and all that follows from it; what is slow is done.
    Settle,
    /// All that is on its way between two nodes is lost.
    Cut(u64, u64),
    /// All that is on its way is lost.
    Lose,
}

/// Plays a scenario's opening.
///
/// # Errors
///
/// If it breaks a property.
pub fn play(model: &mut Model, scenario: &Scenario) -> Result<State, Violation> {
    let mut state = model.fresh()?;
    let budget = std::mem::replace(&mut state.left, plenty());
    for chosen in &scenario.opening {
        let step = match *chosen {
            Move::Stand(node) => Some(Step::Stand(NodeId(node))),
            Move::Propose(node) => Some(Step::Propose(NodeId(node))),
            Move::Read(node) => Some(Step::Read(NodeId(node))),
            Move::Write(node) => Some(Step::Write(NodeId(node))),
            Move::Beat(node) => Some(Step::Beat(NodeId(node))),
            Move::Break(at, peer) => Some(Step::Break { at: NodeId(at), peer: NodeId(peer) }),
            Move::Carry(..) | Move::Cut(..) | Move::Settle | Move::Lose => None,
        };
        if let Some(step) = step {
            take(model, &mut state, step)?;
        }
        match *chosen {
            Move::Carry(from, to) => carry(model, &mut state, NodeId(from), NodeId(to))?,
            Move::Settle => settle(model, &mut state)?,
            Move::Lose => state.lose_letters(),
            Move::Cut(one, other) => {
                let ends = [NodeId(one), NodeId(other)];
                model.lose(&mut state, |letter| {
                    ends.contains(&letter.from()) && ends.contains(&letter.to())
                });
            }
            _ => {}
        }
    }
    state.left = budget;
    model.begin(&mut state);
    Ok(state)
}

fn plenty() -> Budget {
    let many = PerNode::of([u8::MAX; 5]);
    Budget {
        stands: many,
        beats: many,
        reads: many,
        breaks: many,
        commands: u8::MAX,
        ..Budget::default()
    }
}

fn take(model: &mut Model, state: &mut State, step: Step) -> Result<(), Violation> {
    if let Some(reached) = model.take(state, step)? {
        *state = reached;
    }
    Ok(())
}

/// Delivers a message, once.
fn deliver(model: &mut Model, state: &mut State, place: usize) -> Result<(), Violation> {
    let number = state.letter(place);
    take(model, state, Step::Deliver { place })?;
    state.lose_letter(number);
    Ok(())
}

fn carry(model: &mut Model, state: &mut State, from: NodeId, to: NodeId) -> Result<(), Violation> {
    let fits = |letter: &Letter| letter.from() == from && letter.to() == to;
    let first = |model: &Model, state: &State| {
        (0..state.letters()).find(|place| fits(model.letter(state, *place)))
    };
    let now = (0..state.letters()).filter(|place| fits(model.letter(state, *place))).count();
    for _ in 0..now {
        if let Some(place) = first(model, state) {
            deliver(model, state, place)?;
        }
    }
    Ok(())
}

fn settle(model: &mut Model, state: &mut State) -> Result<(), Violation> {
    loop {
        if let Some(step) = slow_work(&model.nodes(state)) {
            take(model, state, step)?;
        } else if state.letters() > 0 {
            deliver(model, state, 0)?;
        } else {
            return Ok(());
        }
    }
}

/// What slow disks, a slow state machine or a slow fetch still have to do.
fn slow_work(nodes: &Nodes) -> Option<Step> {
    nodes.iter().enumerate().find_map(|(place, node)| {
        let id = id_of(place);
        if node.writes() > 0 {
            return Some(Step::Write(id));
        }
        if node.batches() > 0 {
            return Some(Step::Apply(id));
        }
        if node.takes_snapshot() {
            return Some(Step::TakeSnapshot(id));
        }
        let is_read = node.fetches().next()?;
        Some(if is_read { Step::HandOver(id, 0) } else { Step::ReadDisk(id, 0) })
    })
}
