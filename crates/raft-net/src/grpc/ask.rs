//! Asking a member one thing, before or beside the lanes.

use std::time::Duration;

use proto::balsa::raft::v1 as wire;
use raft_core::{Incarnation, NodeId};
use tokio::time::timeout;

use super::dial::{Call, DialError, connect, status};
use super::options::Options;
use crate::address::PeerAddress;
use crate::codec;
use crate::handshake::{Identity, PROTOCOL_VERSION};
use crate::members::{ChangeFailure, ChangeOutcome, MemberChange, MemberStatus};

/// How much longer than the leader the asking side waits for the outcome of a change.
const GRACE: Duration = Duration::from_millis(500);

/// What a peer knows of a member, told to a node that has not started yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// The peer's life that answered.
    pub incarnation: Incarnation,
    /// The storage id recorded for the member; `None` if it was never there.
    pub storage: Option<u64>,
    /// The member was removed from the cluster.
    pub is_removed: bool,
}

/// Asks a peer whether it knows a data folder of this node already. A node whose
/// own folder is empty asks before it starts: if there was one, its votes and
/// entries are forgotten, and it must not start (rule 13).
///
/// # Errors
///
/// If the peer cannot be reached or is not the one that was meant.
pub async fn inquire(
    identity: &Identity,
    options: &Options,
    peer: NodeId,
    addresses: &[PeerAddress],
) -> Result<Inquiry, DialError> {
    let options = &options.clone().bounded();
    let call = Call { identity, options, peer, recorded: None, addresses: Vec::new() };
    let reply = call.inquire(addresses, identity.node).await?;
    Ok(Inquiry {
        incarnation: Incarnation(reply.incarnation),
        storage: reply.storage,
        is_removed: reply.removed,
    })
}

/// Who belongs to a cluster, by the word of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roll {
    /// The cluster.
    pub cluster: u64,
    /// Who answered.
    pub told_by: NodeId,
    /// The members.
    pub members: Vec<MemberStatus>,
}

/// Asks whoever is at an address who belongs to its cluster. A node that is to join
/// knows neither the cluster's id nor its own.
///
/// # Errors
///
/// If nobody is there, or the answer makes no sense.
pub async fn ask_members(options: &Options, address: &PeerAddress) -> Result<Roll, DialError> {
    let options = &options.clone().bounded();
    let asking = async {
        let mut client = connect(address, options).await?;
        let request = wire::MembersRequest { protocol_version: PROTOCOL_VERSION };
        let reply = client.members(request).await.map_err(status)?.into_inner();
        let told_by = codec::required(Some(reply.sender).filter(|id| *id != 0), "who answers")?;
        let members = codec::members_from_wire(reply.members)?;
        Ok(Roll { cluster: reply.cluster, told_by: NodeId(told_by), members })
    };
    let limit = options.handshake_timeout;
    timeout(limit, asking).await.unwrap_or(Err(DialError::TimedOut(limit.as_millis())))
}

/// A change for the leader.
#[derive(Clone, Debug)]
pub struct ChangeCall {
    /// The cluster that is meant.
    pub cluster: u64,
    /// What to change.
    pub change: MemberChange,
    /// How long the leader has.
    pub timeout: Duration,
}

/// Asks the leader for a change of members. Tries the addresses in turn until one is
/// connected; from there on the change is on its way, and is never sent again.
///
/// # Errors
///
/// See [`ChangeFailure`].
pub async fn ask_change(
    options: &Options,
    addresses: &[PeerAddress],
    call: ChangeCall,
) -> ChangeOutcome {
    let options = &options.clone().bounded();
    let ChangeCall { cluster, change, timeout: limit } = call;
    for address in addresses {
        let Ok(Ok(mut client)) = timeout(limit, connect(address, options)).await else { continue };
        let request = wire::ChangeMembersRequest {
            protocol_version: PROTOCOL_VERSION,
            cluster,
            timeout_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
            change: Some(codec::change_to_wire(change)),
        };
        let answer = timeout(limit + GRACE, client.change_members(request)).await;
        return match answer {
            Ok(Ok(reply)) => {
                codec::outcome_from_wire(reply.into_inner()).unwrap_or(Err(ChangeFailure::Unknown))
            }
            // Refused before it was looked at: another version, another cluster, a start.
            Ok(Err(status))
                if matches!(
                    status.code(),
                    tonic::Code::FailedPrecondition | tonic::Code::Unimplemented
                ) =>
            {
                tracing::warn!(%address, why = status.message(), "the leader takes no change");
                Err(ChangeFailure::NotNow)
            }
            Ok(Err(_)) | Err(_) => Err(ChangeFailure::Unknown),
        };
    }
    Err(ChangeFailure::NotNow)
}
