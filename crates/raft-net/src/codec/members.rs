//! What is asked about members, between plain and generated types.

use proto::balsa::raft::v1 as wire;
use raft_core::NodeId;
use wire::change_members_reply::{Done, Outcome, Refusal};
use wire::change_members_request::{Add, Change, Update};

use super::DecodeError;
use super::from_wire::{node, required};
use crate::members::{
    ChangeFailure, ChangeOutcome, ChangeRefusal, Changed, MemberChange, MemberStatus,
};

pub(crate) fn members_to_wire(members: Vec<MemberStatus>) -> Vec<wire::Member> {
    let member = |member: MemberStatus| wire::Member {
        id: member.id.0,
        name: member.name,
        peer_urls: member.peer_urls,
        client_urls: member.client_urls,
        learner: member.is_learner,
    };
    members.into_iter().map(member).collect()
}

pub(crate) fn members_from_wire(
    members: Vec<wire::Member>,
) -> Result<Vec<MemberStatus>, DecodeError> {
    let member = |member: wire::Member| {
        Ok(MemberStatus {
            id: node(member.id)?,
            name: member.name,
            peer_urls: member.peer_urls,
            client_urls: member.client_urls,
            is_learner: member.learner,
        })
    };
    members.into_iter().map(member).collect()
}

pub(crate) fn change_to_wire(change: MemberChange) -> Change {
    match change {
        MemberChange::Add { peer_urls, is_learner } => {
            Change::Add(Add { peer_urls, learner: is_learner })
        }
        MemberChange::Remove(id) => Change::Remove(id.0),
        MemberChange::Promote(id) => Change::Promote(id.0),
        MemberChange::Update { id, peer_urls } => {
            Change::Update(Update { member: id.0, peer_urls })
        }
    }
}

pub(crate) fn change_from_wire(change: Option<Change>) -> Result<MemberChange, DecodeError> {
    Ok(match required(change, "the change")? {
        Change::Add(Add { peer_urls, learner }) => {
            MemberChange::Add { peer_urls, is_learner: learner }
        }
        // Whatever number a client gives: that there is no such member is for the
        // leader to say.
        Change::Remove(id) => MemberChange::Remove(NodeId(id)),
        Change::Promote(id) => MemberChange::Promote(NodeId(id)),
        Change::Update(Update { member, peer_urls }) => {
            MemberChange::Update { id: NodeId(member), peer_urls }
        }
    })
}

pub(crate) fn outcome_to_wire(outcome: ChangeOutcome) -> wire::ChangeMembersReply {
    let outcome = match outcome {
        Ok(Changed { member, members }) => {
            Outcome::Done(Done { member: member.0, members: members_to_wire(members) })
        }
        Err(failure) => Outcome::Refused(refusal_to_wire(failure).into()),
    };
    wire::ChangeMembersReply { outcome: Some(outcome) }
}

pub(crate) fn outcome_from_wire(
    reply: wire::ChangeMembersReply,
) -> Result<ChangeOutcome, DecodeError> {
    match required(reply.outcome, "the outcome of a change")? {
        Outcome::Done(Done { member, members }) => {
            Ok(Ok(Changed { member: node(member)?, members: members_from_wire(members)? }))
        }
        Outcome::Refused(refusal) => {
            let refusal = Refusal::try_from(refusal).unwrap_or_default();
            refusal_from_wire(refusal).map(Err)
        }
    }
}

fn refusal_to_wire(failure: ChangeFailure) -> Refusal {
    match failure {
        ChangeFailure::NotNow => Refusal::NotNow,
        ChangeFailure::Unknown => Refusal::UnknownOutcome,
        ChangeFailure::Refused(refusal) => match refusal {
            ChangeRefusal::BadUrls => Refusal::BadUrls,
            ChangeRefusal::PeerUrlExists => Refusal::PeerUrlExists,
            ChangeRefusal::MemberExists => Refusal::MemberExists,
            ChangeRefusal::MemberNotFound => Refusal::MemberNotFound,
            ChangeRefusal::NotLearner => Refusal::NotLearner,
            ChangeRefusal::LearnerNotReady => Refusal::LearnerNotReady,
            ChangeRefusal::TooManyLearners => Refusal::TooManyLearners,
            ChangeRefusal::NotEnoughStarted => Refusal::NotEnoughStarted,
            ChangeRefusal::Unhealthy => Refusal::Unhealthy,
        },
    }
}

fn refusal_from_wire(refusal: Refusal) -> Result<ChangeFailure, DecodeError> {
    Ok(match refusal {
        Refusal::Unspecified => return Err(DecodeError::Missing("the reason of a refusal")),
        Refusal::NotNow => ChangeFailure::NotNow,
        Refusal::UnknownOutcome => ChangeFailure::Unknown,
        Refusal::BadUrls => ChangeRefusal::BadUrls.into(),
        Refusal::PeerUrlExists => ChangeRefusal::PeerUrlExists.into(),
        Refusal::MemberExists => ChangeRefusal::MemberExists.into(),
        Refusal::MemberNotFound => ChangeRefusal::MemberNotFound.into(),
        Refusal::NotLearner => ChangeRefusal::NotLearner.into(),
        Refusal::LearnerNotReady => ChangeRefusal::LearnerNotReady.into(),
        Refusal::TooManyLearners => ChangeRefusal::TooManyLearners.into(),
        Refusal::NotEnoughStarted => ChangeRefusal::NotEnoughStarted.into(),
        Refusal::Unhealthy => ChangeRefusal::Unhealthy.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_their_outcomes_are_read_back() {
        let urls = vec!["http://a:1".to_owned()];
        let changes = [
            MemberChange::Add { peer_urls: urls.clone(), is_learner: true },
            MemberChange::Remove(NodeId(7)),
            MemberChange::Promote(NodeId(0)),
            MemberChange::Update { id: NodeId(8), peer_urls: urls.clone() },
        ];
        for change in changes {
            assert_eq!(change_from_wire(Some(change_to_wire(change.clone()))), Ok(change));
        }
        let member = MemberStatus {
            id: NodeId(7),
            name: "n".to_owned(),
            peer_urls: urls.clone(),
            client_urls: urls,
            is_learner: true,
        };
        let outcomes = [
            Ok(Changed { member: NodeId(7), members: vec![member] }),
            Err(ChangeFailure::NotNow),
            Err(ChangeFailure::Unknown),
            Err(ChangeRefusal::BadUrls.into()),
            Err(ChangeRefusal::PeerUrlExists.into()),
            Err(ChangeRefusal::MemberExists.into()),
            Err(ChangeRefusal::MemberNotFound.into()),
            Err(ChangeRefusal::NotLearner.into()),
            Err(ChangeRefusal::LearnerNotReady.into()),
            Err(ChangeRefusal::TooManyLearners.into()),
            Err(ChangeRefusal::NotEnoughStarted.into()),
            Err(ChangeRefusal::Unhealthy.into()),
        ];
        for outcome in outcomes {
            assert_eq!(outcome_from_wire(outcome_to_wire(outcome.clone())), Ok(outcome));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(change_from_wire(None).is_err());
        assert!(outcome_from_wire(wire::ChangeMembersReply { outcome: None }).is_err());
        let unknown = wire::ChangeMembersReply { outcome: Some(Outcome::Refused(99)) };
        assert!(outcome_from_wire(unknown).is_err());
        let nobody = vec![wire::Member::default()];
        assert!(members_from_wire(nobody).is_err(), "node 0 stands for nobody");
    }
}
