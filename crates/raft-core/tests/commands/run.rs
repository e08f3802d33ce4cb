//! Running commands on a cluster.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use goldenscript::{Argument, Command, Context};
use raft_core::{
    Change, Config, Event, Incarnation, Leave, Limits, Membership, NodeId, Proposal, RoleName,
    SnapshotMeta, Step, Time, WriteSeq,
};

use super::args::{Args, Parsed, ballot, number};
use super::{inject, show};
use crate::cluster::{Auto, Cluster, Link, Outcome, State};

/// Runs one script on a cluster of its own.
#[derive(Default)]
pub struct Runner {
    cluster: Cluster,
}

impl goldenscript::Runner for Runner {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        let mut args = Args(command.consume_args());
        self.dispatch(&command.name, &mut args)?;
        args.end()?;
        Ok(self.cluster.take_output())
    }
}

impl Runner {
    fn dispatch(&mut self, name: &str, args: &mut Args) -> Outcome {
        match name {
            "cluster" => self.make_cluster(args),
            "given" => self.given(args),
            "start" => self.start(),
            "timeout" | "wake" | "elect" | "advance" | "elapse" => self.time(name, args),
            "deliver" | "drop" | "delay" | "release" => self.packets(name, args),
            "partition" | "cut" | "heal" => self.links(name, args),
            "stabilize" => self.cluster.stabilize(),
            "manual" => self.set_auto(args, false),
            "auto" => self.set_auto(args, true),
            "persist" | "apply" | "fetch" | "snapshot" => self.work(name, args),
            "propose" | "read" | "transfer" | "change" => self.request(name, args),
            "crash" | "restart" | "gone" | "unreachable" => self.process(name, args),
            "inject" => inject::inject(&mut self.cluster, args),
            "status" | "log" | "disk" | "network" | "clock" => self.show(name, args),
            other => Err(format!("there is no command {other}")),
        }
    }

    fn make_cluster(&mut self, args: &mut Args) -> Outcome {
        let voters: u64 = args.required("nodes")?;
        let learners: u64 = args.key("learners")?.unwrap_or(0);
        let joining: u64 = args.key("joining")?.unwrap_or(0);
        let pre_vote = args.key("pre-vote")?.unwrap_or(true);
        let limits = limits(args)?;
        let start = args.key("start")?.unwrap_or(true);
        let mut membership = Membership::of_voters((1..=voters).map(NodeId));
        let all = voters + learners + joining;
        for id in (voters + 1..=voters + learners).map(NodeId) {
            membership.members.insert(id, Default::default());
        }
        for id in (1..=all).map(NodeId) {
            let mut config = Config::new(id, Incarnation(0));
            config.pre_vote = pre_vote;
            config.limits = limits.clone();
            let known = if id.0 <= voters + learners {
                SnapshotMeta::bootstrap(membership.clone())
            } else {
                SnapshotMeta::default()
            };
            self.cluster.add(config, known, Auto::default());
        }
        if start { self.start() } else { Ok(()) }
    }

    fn given(&mut self, args: &mut Args) -> Outcome {
        let id = args.node()?;
        let ballot = ballot(args)?;
        let applied: u64 = args.key("applied")?.unwrap_or(0);
        let entries = args.entries()?;
        let node = self.cluster.node(id)?;
        node.disk.ballot = ballot;
        node.state = State { applied: entries[..applied as usize].to_vec() };
        node.disk.entries = entries;
        Ok(())
    }

    fn start(&mut self) -> Outcome {
        let all: Vec<NodeId> = self.cluster.nodes.keys().copied().collect();
        let running = self.cluster.running();
        let mut down = all.into_iter().filter(|id| !running.contains(id));
        down.try_for_each(|id| self.cluster.boot(id))
    }

    fn time(&mut self, name: &str, args: &mut Args) -> Outcome {
        let now = self.cluster.now;
        match name {
            "advance" => self.cluster.now = now.after(millis(args)?),
            "elapse" => return self.cluster.elapse_until(now.after(millis(args)?)),
            "timeout" => {
                let id = args.node()?;
                self.cluster.now = now.max(self.next_wakeup(id)?);
                return self.cluster.step(id, Event::Wakeup);
            }
            "elect" => {
                let id = args.node()?;
                let timeout = self.cluster.node(id)?.config.election_timeout;
                self.cluster.now = now.after(timeout).max(self.next_wakeup(id)?);
                self.cluster.step(id, Event::Wakeup)?;
                self.cluster.stabilize()?;
                let role = self.cluster.node(id)?.status().map(|status| status.role);
                if role != Some(RoleName::Leader) {
                    return Err(format!("{id} did not win"));
                }
            }
            _ => {
                let id = args.node()?;
                return self.cluster.step(id, Event::Wakeup);
            }
        }
        Ok(())
    }

    fn next_wakeup(&mut self, id: NodeId) -> Parsed<Time> {
        let raft = self.cluster.node(id)?.raft.as_ref();
        match raft.map(|raft| raft.next_wakeup()) {
            Some(Time::NEVER) => Err(format!("{id} waits for no timer")),
            Some(at) => Ok(at),
            None => Err(format!("{id} is down")),
        }
    }

    fn packets(&mut self, name: &str, args: &mut Args) -> Outcome {
        if name == "release" {
            let shelf = args.text()?;
            let packets = self.cluster.network.unshelve(&shelf);
            let packets = packets.ok_or_else(|| format!("nothing was put aside as {shelf}"))?;
            return packets
                .into_iter()
                .try_for_each(|(link, packet)| self.cluster.deliver(link, packet));
        }
        let from = args.next_node()?.or(args.key("from")?.map(NodeId));
        let to = args.next_node()?.or(args.key("to")?.map(NodeId));
        let count = args.key("count")?.unwrap_or(usize::MAX);
        if name == "deliver" {
            return match self.cluster.deliver_some(from, to, count)? {
                true => Ok(()),
                false => Err("there is nothing to deliver".to_owned()),
            };
        }
        let packets = self.cluster.network.take(from, to, count);
        if packets.is_empty() {
            return Err("there is nothing on its way".to_owned());
        }
        if name == "drop" {
            return packets
                .into_iter()
                .try_for_each(|(link, packet)| self.cluster.lose(link, packet));
        }
        if args.key("copy")?.unwrap_or(false) {
            let again = packets.iter().cloned();
            again.for_each(|(link, packet)| self.cluster.network.push(link, packet));
        }
        let shelf: String = args.required("as")?;
        self.cluster.network.shelve(&shelf, packets);
        Ok(())
    }

    fn links(&mut self, name: &str, args: &mut Args) -> Outcome {
        let mut cuts: Vec<Link> = Vec::new();
        match name {
            "heal" => {
                self.cluster.network.heal();
                return Ok(());
            }
            "cut" => {
                let (one, other) = (args.node()?, args.node()?);
                cuts.push((one, other));
                if !args.key("oneway")?.unwrap_or(false) {
                    cuts.push((other, one));
                }
            }
            _ => {
                let mut inside = Vec::new();
                while let Some(id) = args.next_node()? {
                    inside.push(id);
                }
                let outside = self.cluster.nodes.keys().filter(|id| !inside.contains(id));
                cuts.extend(
                    outside.flat_map(|out| inside.iter().flat_map(|id| [(*id, *out), (*out, *id)])),
                );
            }
        }
        for link in cuts {
            self.cluster.network.cut(link);
        }
        Ok(())
    }

    fn set_auto(&mut self, args: &mut Args, on: bool) -> Outcome {
        let id = args.node()?;
        let what = args.text()?;
        let auto = &mut self.cluster.node(id)?.auto;
        match what.as_str() {
            "disk" => auto.disk = on,
            "apply" => auto.apply = on,
            "fetch" => auto.fetch = on,
            "snapshot" => auto.snapshot = on,
            other => return Err(format!("{other} is no kind of work")),
        }
        Ok(())
    }

    fn work(&mut self, name: &str, args: &mut Args) -> Outcome {
        let id = args.node()?;
        match name {
            "persist" => {
                let upto = args.key("upto")?.map(WriteSeq);
                if args.key("report")?.unwrap_or(true) {
                    self.cluster.persist(id, upto)
                } else {
                    self.cluster.node(id)?.perform(upto);
                    Ok(())
                }
            }
            "apply" if args.key("report")?.unwrap_or(true) => self.cluster.apply(id),
            "apply" => match self.cluster.node(id)?.apply_one() {
                Some(_) => Ok(()),
                None => Err(format!("{id} has nothing to apply")),
            },
            "fetch" => self.cluster.fetch(id),
            _ => {
                let fails = args.key("fail")?.unwrap_or(false);
                self.cluster.take_snapshot(id, !fails)
            }
        }
    }

    fn request(&mut self, name: &str, args: &mut Args) -> Outcome {
        let id = args.node()?;
        let event = match name {
            "propose" => {
                let mut proposals = Vec::new();
                while let Some(text) = args.0.next_pos() {
                    let payload = Bytes::from(text.to_owned());
                    proposals.push(Proposal { ticket: self.cluster.ticket(), format: 0, payload });
                }
                Event::Propose(proposals)
            }
            "read" => Event::Read(self.cluster.ticket()),
            "transfer" => {
                let to = args.next_node()?;
                Event::TransferLeadership { ticket: self.cluster.ticket(), to }
            }
            _ => {
                let change = change(args)?;
                Event::ChangeMembership { ticket: self.cluster.ticket(), change }
            }
        };
        self.cluster.step(id, event)
    }

    fn process(&mut self, name: &str, args: &mut Args) -> Outcome {
        let id = args.node()?;
        match name {
            "crash" => self.cluster.crash(id),
            "restart" => {
                self.cluster.crash(id)?;
                self.cluster.boot(id)
            }
            "unreachable" => {
                let peer = args.node()?;
                self.cluster.step(id, Event::PeerUnreachable(peer))
            }
            _ => {
                let peer = args.node()?;
                let node = self.cluster.node(peer)?;
                let ended = if node.raft.is_some() { 1 } else { 0 };
                let incarnation = Incarnation(node.incarnation().0 - ended);
                self.cluster.step(id, Event::PeerGone { peer, incarnation })
            }
        }
    }

    fn show(&mut self, name: &str, args: &mut Args) -> Outcome {
        let ids = match args.next_node()? {
            Some(id) => vec![id],
            None => self.cluster.nodes.keys().copied().collect(),
        };
        match name {
            "status" => ids.into_iter().try_for_each(|id| show::status(&mut self.cluster, id)),
            "network" => show::network(&mut self.cluster),
            "clock" => ids.into_iter().try_for_each(|id| show::clock(&mut self.cluster, id)),
            _ => {
                let of_disk = name == "disk";
                ids.into_iter().try_for_each(|id| show::log(&mut self.cluster, id, of_disk))
            }
        }
    }
}

fn millis(args: &mut Args) -> Parsed<Duration> {
    number(&args.text()?).map(Duration::from_millis)
}

fn limits(args: &mut Args) -> Parsed<Limits> {
    let mut limits = Limits { trailing_entries: 0, ..Limits::default() };
    let fields: [(&str, &mut u64); 12] = [
        ("message-entries", &mut limits.message_entries),
        ("message-bytes", &mut limits.message_bytes),
        ("inflight-messages", &mut limits.inflight_messages),
        ("inflight-bytes", &mut limits.inflight_bytes),
        ("uncommitted-bytes", &mut limits.uncommitted_bytes),
        ("unapplied-bytes", &mut limits.unapplied_bytes),
        ("cached-entries", &mut limits.cached_entries),
        ("cached-bytes", &mut limits.cached_bytes),
        ("waiting-reads", &mut limits.waiting_reads),
        ("snapshot-entries", &mut limits.snapshot_entries),
        ("trailing-entries", &mut limits.trailing_entries),
        ("snapshot-tail-entries", &mut limits.snapshot_tail_entries),
    ];
    for (name, field) in fields {
        if let Some(value) = args.key(name)? {
            *field = value;
        }
    }
    Ok(limits)
}

fn change(args: &mut Args) -> Parsed<Change> {
    let leave = match args.key::<String>("leave")?.as_deref() {
        None | Some("auto") => Leave::Auto,
        Some("explicit") => Leave::Explicit,
        Some(other) => return Err(format!("leave cannot be {other}")),
    };
    let mut steps = Vec::new();
    for argument in args.0.by_ref() {
        let (what, value) = match argument {
            Argument::Positional(what) if what == "leave-joint" => return Ok(Change::LeaveJoint),
            Argument::KeyValue(what, value) => (what.as_str(), value),
            _ => return Err(format!("{argument} is no step of a change")),
        };
        if what == "set-storage" {
            let (id, folder) = value.split_once('/').ok_or("set-storage=NODE/FOLDER")?;
            let (id, storage_id) = (NodeId(number(id)?), number(folder)?);
            steps.push(Step::SetStorage { id, storage_id });
            continue;
        }
        let id = NodeId(number(value)?);
        steps.push(match what {
            "add-voter" => Step::AddVoter { id, context: Bytes::new() },
            "add-learner" => Step::AddLearner { id, context: Bytes::new() },
            "promote" => Step::Promote(id),
            "demote" => Step::Demote(id),
            "remove" => Step::Remove(id),
            other => return Err(format!("{other} is no step of a change")),
        });
    }
    Ok(Change::Steps { steps, leave })
}
