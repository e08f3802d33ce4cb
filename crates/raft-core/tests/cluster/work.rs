//! The work that cores give out: done at once, or when a command says so.

use raft_core::{Event, NodeId, Time, WriteSeq};

use super::{Cluster, Outcome};

/// More rounds than any script needs; a cluster that is not quiet then never will be.
const MOST_ROUNDS: usize = 1_000;

impl Cluster {
    /// Does what is set to be done at once, as long as there is some.
    pub(super) fn do_what_is_automatic(&mut self, id: NodeId) -> Outcome {
        loop {
            let node = self.node(id)?;
            let auto = node.auto;
            if node.raft.is_none() {
                return Ok(());
            } else if auto.disk && !node.writes.is_empty() {
                self.persist(id, None)?;
            } else if auto.apply && !node.batches.is_empty() {
                self.apply(id)?;
            } else if auto.fetch && !node.fetches.is_empty() {
                self.fetch(id)?;
            } else if auto.snapshot && node.snapshot_wanted {
                self.take_snapshot(id, true)?;
            } else {
                return Ok(());
            }
        }
    }

    /// The disk performs the writes up to `upto`, and says so.
    pub fn persist(&mut self, id: NodeId, upto: Option<WriteSeq>) -> Outcome {
        self.node(id)?.perform(upto);
        let performed = self.node(id)?.performed;
        self.step_quietly(id, Event::Persisted(performed))
    }

    /// The state machine applies the oldest batch, and says so.
    pub fn apply(&mut self, id: NodeId) -> Outcome {
        match self.node(id)?.apply_one() {
            Some(index) => self.step_quietly(id, Event::Applied(index)),
            None => Err(format!("{id} has nothing to apply")),
        }
    }

    /// The log store answers the oldest fetch.
    pub fn fetch(&mut self, id: NodeId) -> Outcome {
        match self.node(id)?.read() {
            Some(event) => self.step_quietly(id, event),
            None => Err(format!("{id} has nothing to fetch")),
        }
    }

    /// The snapshot that was asked for is taken, or cannot be.
    pub fn take_snapshot(&mut self, id: NodeId, can_be: bool) -> Outcome {
        let node = self.node(id)?;
        if !node.snapshot_wanted {
            return Err(format!("{id} wants no snapshot"));
        }
        if can_be {
            let meta = node.take_snapshot();
            self.step_quietly(id, Event::SnapshotTaken(meta))
        } else {
            node.snapshot_wanted = false;
            self.step_quietly(id, Event::SnapshotFailed)
        }
    }

    /// Delivers until nothing is on its way. Work that waits for commands waits on.
    pub fn stabilize(&mut self) -> Outcome {
        for _ in 0..MOST_ROUNDS {
            if !self.deliver_some(None, None, usize::MAX)? {
                return Ok(());
            }
        }
        Err(format!("not quiet after {MOST_ROUNDS} rounds"))
    }

    /// Delivers what is on its way now. Returns whether there was anything.
    pub fn deliver_some(
        &mut self,
        from: Option<NodeId>,
        to: Option<NodeId>,
        count: usize,
    ) -> Result<bool, String> {
        let packets = self.network.take(from, to, count);
        let any = !packets.is_empty();
        for (link, packet) in packets {
            self.deliver(link, packet)?;
        }
        Ok(any)
    }

    /// Lets time pass for everybody: each wake-up at its moment, and the network
    /// and the disks in no time.
    pub fn elapse_until(&mut self, end: Time) -> Outcome {
        self.stabilize()?;
        let mut at_this_moment = 0;
        loop {
            let wakeups = self
                .nodes
                .iter()
                .filter_map(|(id, node)| node.raft.as_ref().map(|raft| (raft.next_wakeup(), *id)));
            match wakeups.min() {
                Some((at, id)) if at <= end => {
                    at_this_moment = if at > self.now { 0 } else { at_this_moment + 1 };
                    if at_this_moment > MOST_ROUNDS {
                        return Err(format!("{id} wants to be woken again and again"));
                    }
                    self.now = self.now.max(at);
                    self.step(id, Event::Wakeup)?;
                    self.stabilize()?;
                }
                _ => {
                    self.now = end;
                    return Ok(());
                }
            }
        }
    }

    /// The nodes that are up.
    pub fn running(&self) -> Vec<NodeId> {
        let up = self.nodes.iter().filter(|(_, node)| node.raft.is_some());
        up.map(|(id, _)| *id).collect()
    }
}
