//! Messages that no node sent.

use raft_core::{Body, Incarnation, Index, Message, ReadId, Round, Term, TransferId};

use super::args::{Args, Parsed};

/// `FROM TO term=T KIND …` as a message, and the life of the sender's process.
pub fn message(args: &mut Args) -> Parsed<(Incarnation, Message)> {
    let from = args.node()?;
    let to = args.node()?;
    let term = Term(args.required("term")?);
    let life = args.key("life")?.unwrap_or(1);
    let incarnation = Incarnation(from.0 * 16 + life);
    let body = body(args, incarnation)?;
    Ok((incarnation, Message { from, to, term, body }))
}

fn body(args: &mut Args, incarnation: Incarnation) -> Parsed<Body> {
    Ok(match args.text()?.as_str() {
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
