//! Looks at what was seen in a node, tells the checks, and counts.

use std::fmt;

use kv_statemachine::{Operation, codec};
use raft_core::{Body, Entry, EntryKind, Membership, NodeId, Status};
use raft_net::{Frame, FrameBody};
use raft_storage::LogWrite;

use super::World;
use crate::counts::Kind;
use crate::node::Sighting;
use crate::report::Failure;

impl World {
    /// Takes in what was seen in a node.
    pub(super) fn take_in(&mut self, id: NodeId, seen: Vec<Sighting>) -> Result<(), Failure> {
        if self.is_impostor(id) {
            return Ok(());
        }
        for sighting in seen {
            self.count_sighting(id, &sighting);
            if let Some(fact) = sighting.fact(id) {
                self.observe(&fact)?;
            }
        }
        Ok(())
    }

    fn count_sighting(&mut self, id: NodeId, sighting: &Sighting) {
        match sighting {
            Sighting::Synced(group) => {
                self.count_group(id, group);
                self.note_of(id, "synced", &Group(group));
            }
            Sighting::Applying(entries) => {
                entries.iter().for_each(|entry| self.count_committed(entry));
                if let (Some(first), Some(last)) = (entries.first(), entries.last()) {
                    let (first, last) = (first.position(), last.position());
                    self.note_of(id, "apply", &format_args!("{first} to {last}"));
                }
            }
            Sighting::Installed(meta) => {
                self.counts.add(Kind::SnapshotInstalled);
                let process = self.nodes.get(&id).and_then(|node| node.process.as_ref());
                let waits = process.is_some_and(|process| process.waiting_writes() > 0);
                self.counts.add_many(Kind::InstallOverWrites, u64::from(waits));
                self.note_of(id, "install", meta);
            }
            Sighting::SnapshotTaken => {
                self.counts.add(Kind::SnapshotTaken);
                self.note_of(id, "snapshot", "taken");
            }
            Sighting::Hashed(_, hash) => {
                self.counts.add(Kind::HashCompared);
                self.note_of(id, "hash", hash);
            }
            Sighting::Purging { upto, .. } => {
                self.counts.add(Kind::Purge);
                self.note_of(id, "purge", &format_args!("up to {upto}"));
            }
            Sighting::Writing(_) => {}
        }
    }

    /// Counts what a group replaced: what lay on the disk, or what was itself waiting to
    /// be written.
    fn count_group(&mut self, id: NodeId, group: &[LogWrite]) {
        let Some(disk) = self.checks.known().disks.get(&id) else { return };
        let (mut last, mut counts) = (disk.log.last().index, Vec::new());
        for (place, write) in group.iter().enumerate() {
            let LogWrite::Append(entries) = write else { continue };
            let (Some(first), Some(end)) = (entries.first(), entries.last()) else { continue };
            if first.index <= last {
                counts.push(Kind::Truncation);
                counts.extend((place > 0).then_some(Kind::ReplacedInFlight));
            }
            last = end.index;
        }
        counts.into_iter().for_each(|kind| self.counts.add(kind));
    }

    /// Counts what is special about a frame that arrives.
    pub(super) fn count_arrival(&mut self, to: NodeId, frame: &Frame) {
        let FrameBody::Raft(message) = &frame.body else { return };
        let status = self.nodes.get(&to).and_then(|node| node.last_status.as_deref());
        let is_late = |status: &Status| {
            status.ballot.term > message.term || status.leader != Some(message.from)
        };
        if matches!(message.body, Body::TimeoutNow) && status.is_some_and(is_late) {
            self.counts.add(Kind::LateTimeoutNow);
        }
    }

    /// Counts what an entry stands for, the first time that anybody applies it.
    fn count_committed(&mut self, entry: &Entry) {
        if entry.index <= self.checks.known().last_applied() {
            return;
        }
        match entry.kind {
            EntryKind::MEMBERSHIP => {
                if let Ok(next) = Membership::decode(entry.format, &entry.payload) {
                    self.count_membership(&next);
                    self.committed_membership = (entry.index, next);
                }
            }
            EntryKind::COMMAND => {
                if let Ok(Ok(command)) = codec::decode(entry)
                    && matches!(command.operation, Operation::Compact(_))
                {
                    self.counts.add(Kind::Compaction);
                }
            }
            _ => {}
        }
    }

    fn count_membership(&mut self, next: &Membership) {
        let (_, before) = &self.committed_membership;
        let mut counts = vec![Kind::MembershipChange];
        if next.is_joint() {
            counts.push(Kind::JointMembership);
        }
        let was_learner = |id: &NodeId| before.is_learner(*id);
        if next.learners().any(|id| !before.members.contains_key(&id)) {
            counts.push(Kind::LearnerAdded);
        }
        if next.voters.iter().any(was_learner) {
            counts.push(Kind::LearnerPromoted);
        }
        let removed = next.removed.difference(&before.removed).count() > 0;
        if removed {
            counts.push(Kind::MemberRemoved);
        }
        if removed && before.is_joint() {
            counts.push(Kind::MemberReplaced);
        }
        counts.into_iter().for_each(|kind| self.counts.add(kind));
    }
}

/// What a group of writes does, in short.
struct Group<'a>(&'a [LogWrite]);

impl fmt::Display for Group<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, write) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            match write {
                LogWrite::Ballot(ballot) => write!(f, "{ballot}")?,
                LogWrite::Append(entries) => match (entries.first(), entries.last()) {
                    (Some(first), Some(last)) => {
                        write!(f, "append {} to {}", first.position(), last.position())?;
                    }
                    _ => f.write_str("append nothing")?,
                },
                LogWrite::Purge(meta) => write!(f, "purge up to {}", meta.position)?,
                LogWrite::Reset(meta) => write!(f, "reset to {}", meta.position)?,
            }
        }
        Ok(())
    }
}
