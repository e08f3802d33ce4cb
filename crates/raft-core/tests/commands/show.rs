//! What scripts can look at.

use raft_core::{Entry, NodeId, PeerState, Status, Time};

use crate::cluster::{Cluster, LogView, Node, Outcome};

/// One line about a node, and one for each peer that it feeds.
pub fn status(cluster: &mut Cluster, id: NodeId) -> Outcome {
    let node = cluster.node(id)?;
    let Some(status) = node.status() else {
        cluster.print(format!("{id} down"));
        return Ok(());
    };
    let lines = status_lines(&status, node);
    lines.into_iter().for_each(|line| cluster.print(line));
    Ok(())
}

fn status_lines(status: &Status, node: &Node) -> Vec<String> {
    let Status { id, role, ballot, commit, applied, durable, last, .. } = status;
    let leader = status.leader.map_or(String::new(), |leader| format!(" leader {leader}"));
    let base = match status.base.index.0 {
        0 => String::new(),
        _ => format!(" base {}", status.base),
    };
    let stopped = if node.stopped.is_some() { " stopped" } else { "" };
    let mut lines = vec![format!(
        "{id} {role} {ballot}{leader} commit {commit} applied {applied} durable {durable}{base} \
         last {last} {}{stopped}",
        status.membership
    )];
    lines.extend(status.peers.iter().map(|peer| {
        let state = match peer.state {
            PeerState::Probe => "probe",
            PeerState::Replicate => "replicate",
            PeerState::Snapshot => "snapshot",
        };
        format!("    {} {state} matched {} next {}", peer.id, peer.matched, peer.next)
    }));
    lines
}

/// A log in one line.
pub fn log(cluster: &mut Cluster, id: NodeId, of_disk: bool) -> Outcome {
    let node = cluster.node(id)?;
    let (name, log): (_, &LogView) =
        if of_disk { ("disk", &node.disk) } else { ("log", &node.memory) };
    let entries: Vec<String> = log.entries.iter().map(Entry::to_string).collect();
    let line = format!(
        "{id} {name}: {}, base {}, [{}]",
        log.ballot,
        log.base.position,
        entries.join(", ")
    );
    cluster.print(line);
    Ok(())
}

/// How soon the node's next timer is due.
pub fn clock(cluster: &mut Cluster, id: NodeId) -> Outcome {
    let now = cluster.now;
    let Some(raft) = &cluster.node(id)?.raft else { return Err(format!("{id} is down")) };
    let line = match raft.next_wakeup() {
        Time::NEVER => format!("{id} waits for no timer"),
        at => format!("{id} wakes in {} ms", at.since(now).as_millis()),
    };
    cluster.print(line);
    Ok(())
}

/// What is on its way.
pub fn network(cluster: &mut Cluster) -> Outcome {
    let lines: Vec<String> = cluster
        .network
        .iter()
        .map(|((from, to), packet)| format!("{from}→{to} {packet}"))
        .collect();
    lines.into_iter().for_each(|line| cluster.print(line));
    Ok(())
}
