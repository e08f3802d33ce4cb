//! Messages and snapshots that no node sent.

use raft_core::{Body, Event, Incarnation, Index, Message, ReadId, Round};
use raft_core::{SnapshotMeta, Term, TransferId};

use super::args::{Args, Parsed};
use crate::cluster::{Cluster, Outcome, State};

/// `FROM TO term=T KIND …`: a message, or a snapshot, of some life of the sender's
/// process.
pub fn inject(cluster: &mut Cluster, args: &mut Args) -> Outcome {
    let from = args.node()?;
    let to = args.node()?;
    let term = Term(args.required("term")?);
    let life = args.key("life")?.unwrap_or(1);
    let incarnation = Incarnation(from.0 * 16 + life);
    let kind = args.text()?;
    let event = if kind == "snapshot" {
        let node = cluster.node(to)?;
        let meta =
            SnapshotMeta { position: args.position("at")?, membership: node.memory.membership() };
        let id = TransferId { incarnation, counter: args.key("counter")?.unwrap_or(1) };
        node.aside.insert((from, id), (meta.clone(), State::default()));
        Event::SnapshotReceived { from, term, id, meta }
    } else {
        let body = body(&kind, args, incarnation)?;
        Event::Message { incarnation, message: Message { from, to, term, body } }
    };
    cluster.step(to, event)
}

fn body(kind: &str, args: &mut Args, incarnation: Incarnation) -> Parsed<Body> {
    Ok(match kind {
        "append" => Body::Append {
            prev: args.position("prev")?,
            commit: index(args, "commit")?,
            entries: args.entries()?,
        },
        "accepted" => Body::AppendAccepted { matched: index(args, "matched")? },
        "rejected" => {
            Body::AppendRejected { prev: index(args, "prev")?, hint: args.position("hint")? }
        }
        "heartbeat" => Body::Heartbeat {
            round: Round(args.required("round")?),
            commit: index(args, "commit")?,
        },
        "heartbeat-ack" => Body::HeartbeatAck {
            round: Round(args.required("round")?),
            verified: index(args, "verified")?,
        },
        "pre-vote" => {
            Body::PreVote { next: Term(args.required("next")?), last: args.position("last")? }
        }
        "pre-vote-reply" => Body::PreVoteReply {
            next: Term(args.required("next")?),
            granted: args.required("granted")?,
        },
        "vote" => Body::Vote {
            last: args.position("last")?,
            transfer: args.key("transfer")?.unwrap_or(false),
        },
        "vote-reply" => Body::VoteReply { granted: args.required("granted")? },
        "higher-term" => Body::HigherTerm,
        "timeout-now" => Body::TimeoutNow,
        "read-index" => Body::ReadIndex {
            id: ReadId {
                node: raft_core::NodeId(args.required("node")?),
                incarnation,
                counter: args.required("counter")?,
            },
        },
        "snapshot-ack" => Body::SnapshotAck {
            id: TransferId { incarnation, counter: args.required("counter")? },
            matched: index(args, "matched")?,
        },
        other => return Err(format!("{other} is no kind of message")),
    })
}

fn index(args: &mut Args, key: &str) -> Parsed<Index> {
    args.required(key).map(Index)
}
