//! Changing who belongs to the cluster, and who leads it.
//!
//! Any node takes such a request. It asks whoever leads, over the peer port, and the leader
//! holds it against the [rules](super::change_rules), one request at a time, so that
//! no two of them are both allowed by what only one of them leaves true. Then it proposes
//! the change and answers once it is committed. Each change moves one vote at most and needs
//! no joint phase.
//!
//! Where one voter alone becomes two, the change is committed by both, hence only once the
//! second one runs; and it is started after it was added. So this addition is answered when
//! it is on the first one's disk: nobody else could decide otherwise. Until the second one
//! has joined, the cluster decides nothing, as etcd's does then.
//!
//! A leader that is to remove itself hands its office over first, and the next one removes
//! it: so nobody waits for an election.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use raft_core::{Change, InvalidChange, Leave, NodeId, Refusal, RoleName, Status, Step};
use raft_net::grpc::{ChangeCall, Options, ask_change};
use raft_net::{
    ChangeFailure, ChangeFuture, ChangeOutcome, ChangeRefusal, Changed, MemberChange, MemberDesk,
    MemberStatus,
};

use super::change_rules::{self, Cluster};
use super::client::{Client, Inner, RETRY};
use super::error::Error;
use super::watcher::peers;
use crate::driver::request::{NotDone, RequestError, Unknown};
use crate::replica::CallError;

/// How often it is looked whether a change is on the disk.
const DISK_POLL: Duration = Duration::from_millis(2);

impl Client {
    /// Adds a member: a voter, or a learner, which has no vote until it is promoted. It is
    /// to be started after that. Returns it and all members.
    ///
    /// # Errors
    ///
    /// [`Error::Members`] if it is refused, [`Error::ChangeUnknown`] if it may have been
    /// done; see [`Error`].
    pub async fn member_add<U: Into<String>>(
        &self,
        peer_urls: impl IntoIterator<Item = U>,
        is_learner: bool,
    ) -> Result<(MemberStatus, Vec<MemberStatus>), Error> {
        let peer_urls = peer_urls.into_iter().map(Into::into).collect();
        let Changed { member, members } =
            self.change(MemberChange::Add { peer_urls, is_learner }).await?;
        let added = members.iter().find(|other| other.id == member).cloned();
        Ok((added.ok_or(Error::Members(ChangeRefusal::MemberNotFound))?, members))
    }

    /// Removes a member for good; it stops by itself. Returns all that are left.
    ///
    /// # Errors
    ///
    /// As [`Client::member_add`].
    pub async fn member_remove(&self, id: NodeId) -> Result<Vec<MemberStatus>, Error> {
        Ok(self.change(MemberChange::Remove(id)).await?.members)
    }

    /// Gives a learner that has caught up a vote. Returns all members.
    ///
    /// # Errors
    ///
    /// As [`Client::member_add`].
    pub async fn member_promote(&self, id: NodeId) -> Result<Vec<MemberStatus>, Error> {
        Ok(self.change(MemberChange::Promote(id)).await?.members)
    }

    /// Says where a member's peers reach it from now on. Returns all members.
    ///
    /// # Errors
    ///
    /// As [`Client::member_add`].
    pub async fn member_update<U: Into<String>>(
        &self,
        id: NodeId,
        peer_urls: impl IntoIterator<Item = U>,
    ) -> Result<Vec<MemberStatus>, Error> {
        let peer_urls = peer_urls.into_iter().map(Into::into).collect();
        Ok(self.change(MemberChange::Update { id, peer_urls }).await?.members)
    }

    /// Hands the leadership over to a voter. Only the leader can be asked.
    ///
    /// # Errors
    ///
    /// [`Error::NotLeader`], [`Error::BadTransferee`], [`Error::TransferTimedOut`]; see
    /// [`Error`].
    pub async fn move_leader(&self, to: NodeId) -> Result<(), Error> {
        let status = self.inner.replica.status();
        if status.role != RoleName::Leader {
            return Err(Error::NotLeader);
        }
        if !status.membership.voters.contains(&to) {
            return Err(Error::BadTransferee);
        }
        if to == self.inner.member {
            return Ok(());
        }
        let limit = self.inner.limits.timeout;
        match self.inner.replica.transfer_leadership(Some(to), limit).await {
            Ok(_) => Ok(()),
            Err(CallError::TooMany(_)) => Err(Error::TooManyRequests),
            Err(CallError::Request(error)) => Err(match error {
                RequestError::NotDone(NotDone::Refused(Refusal::BadTransferTarget)) => {
                    Error::BadTransferee
                }
                RequestError::NotDone(NotDone::Refused(Refusal::NotLeader) | NotDone::NoLeader) => {
                    Error::NotLeader
                }
                RequestError::NotDone(NotDone::Refused(Refusal::LeadershipLost)) => {
                    Error::LeaderChanged
                }
                RequestError::NotDone(NotDone::Stopping)
                | RequestError::Unknown(Unknown::Stopping) => Error::Stopped,
                RequestError::NotDone(_) | RequestError::Unknown(_) => Error::TransferTimedOut,
            }),
        }
    }

    /// Has the leader make a change, whoever that is. Asks again as long as it is certain
    /// that nothing was done.
    async fn change(&self, change: MemberChange) -> Result<Changed, Error> {
        let began = Instant::now();
        let limit = self.inner.limits.timeout;
        loop {
            let left = limit.saturating_sub(began.elapsed());
            let failure = match self.change_by_leader(&change, left).await {
                Ok(changed) => return Ok(changed),
                Err(failure) => failure,
            };
            match failure {
                ChangeFailure::Refused(refusal) => return Err(Error::Members(refusal)),
                ChangeFailure::Unknown => return Err(Error::ChangeUnknown),
                ChangeFailure::NotNow if self.inner.replica.has_ended() => {
                    return Err(Error::Stopped);
                }
                ChangeFailure::NotNow if began.elapsed() + RETRY >= limit => {
                    return Err(Error::TimedOut);
                }
                ChangeFailure::NotNow => self.wait_for_change().await,
            }
        }
    }

    async fn change_by_leader(&self, change: &MemberChange, left: Duration) -> ChangeOutcome {
        let Some(leader) = self.inner.replica.office().borrow().leader else {
            return Err(ChangeFailure::NotNow);
        };
        if leader == self.inner.member {
            return self.inner.change_here(change, left).await;
        }
        let membership = self.inner.replica.status().membership;
        let addresses = peers(&membership).into_iter().find(|peer| peer.id == leader);
        let addresses = addresses.map(|peer| peer.addresses).unwrap_or_default();
        let call =
            ChangeCall { cluster: self.inner.cluster, change: change.clone(), timeout: left };
        // On the node's own clockwork: the caller may use any async runtime.
        let asking = async move { ask_change(&Options::default(), &addresses, call).await };
        self.inner.pool.spawn(asking).await.unwrap_or(Err(ChangeFailure::Unknown))
    }
}

impl Inner {
    /// Makes a change, if this node leads.
    pub(super) async fn change_here(
        &self,
        change: &MemberChange,
        limit: Duration,
    ) -> ChangeOutcome {
        let began = Instant::now();
        // Whoever waits here is asked again from outside: nothing was done for it.
        let Ok(_one) = self.changing.try_lock() else { return Err(ChangeFailure::NotNow) };
        // What is committed is applied here then: who has started, and who was removed.
        self.replica.read_index(limit).await.map_err(|_| ChangeFailure::NotNow)?;
        let status = self.replica.status();
        if status.role != RoleName::Leader {
            return Err(ChangeFailure::NotNow);
        }
        let (member, step) = self.check(change, &status)?;
        let left = limit.saturating_sub(began.elapsed());
        if *change == MemberChange::Remove(self.member) && status.membership.voters.len() > 1 {
            match self.replica.transfer_leadership(None, left).await {
                Ok(next) => {
                    tracing::info!(
                        next = format!("{:x}", next.0),
                        "leadership handed over, for this member is to be removed"
                    );
                    return Err(ChangeFailure::NotNow);
                }
                Err(error) => tracing::warn!(%error, "leadership not handed over"),
            }
        }
        tracing::info!(member = format!("{:x}", member.0), %step, "membership is to change");
        let is_second =
            matches!(step, Step::AddVoter { .. }) && status.membership.voters.len() == 1;
        let steps = Change::Steps { steps: vec![step], leave: Leave::Auto };
        let proposing = self.replica.change_membership(steps, left);
        let proposed = match is_second {
            true => tokio::select! {
                proposed = proposing => proposed.map(drop),
                () = self.has_durably(member) => Ok(()),
            },
            false => proposing.await.map(drop),
        };
        if let Err(error) = proposed {
            judge_change(error)?;
        }
        let members = self.members_of(&self.replica.status().membership);
        Ok(Changed { member, members: members.map_err(|_| ChangeFailure::Unknown)? })
    }

    /// Waits until a member is in the membership on this node's disk.
    async fn has_durably(&self, member: NodeId) {
        loop {
            let status = self.replica.status();
            let is_there = status.membership.members.contains_key(&member);
            if is_there && status.durable >= status.membership_index {
                return;
            }
            // On the node's own clockwork: the caller may use any async runtime.
            let pause = {
                let _entered = self.pool.enter();
                tokio::time::sleep(DISK_POLL)
            };
            pause.await;
        }
    }

    fn check(
        &self,
        change: &MemberChange,
        status: &Status,
    ) -> Result<(NodeId, Step), ChangeFailure> {
        let members = self.members_of(&status.membership).map_err(|_| ChangeFailure::NotNow)?;
        let transport = self.transport.upgrade();
        let counts = transport.as_ref().map(|transport| transport.counts());
        // A transport of the caller's own does not tell; then nobody is suspected.
        let in_touch = |id: NodeId| match &counts {
            Some(counts) => counts.get(&id).is_some_and(|peer| peer.streams_open > 0),
            None => true,
        };
        let matched: BTreeMap<_, _> =
            status.peers.iter().map(|peer| (peer.id, peer.matched)).collect();
        let cluster = Cluster {
            own: self.member,
            membership: &status.membership,
            members: &members,
            last: status.last.index,
            matched,
            in_touch: &in_touch,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let checked = change_rules::check(change, &cluster, self.policy, now.as_secs());
        if let Err(refusal) = &checked {
            tracing::warn!(?change, %refusal, "change of members refused");
        }
        Ok(checked?)
    }
}

/// What a failed proposal of a change means; nothing if the change is there already.
fn judge_change(error: CallError) -> Result<(), ChangeFailure> {
    let CallError::Request(error) = error else { return Err(ChangeFailure::NotNow) };
    let refusal = match error {
        RequestError::Unknown(_) => return Err(ChangeFailure::Unknown),
        RequestError::NotDone(NotDone::Refused(Refusal::InvalidChange(why))) => why,
        RequestError::NotDone(_) => return Err(ChangeFailure::NotNow),
    };
    Err(match refusal {
        // A member is where it was said to be from now on.
        InvalidChange::Empty => return Ok(()),
        InvalidChange::AlreadyMember(_) | InvalidChange::IdUsed(_) | InvalidChange::NodeZero => {
            ChangeRefusal::MemberExists.into()
        }
        InvalidChange::NotMember(_) => ChangeRefusal::MemberNotFound.into(),
        InvalidChange::AlreadyVoter(_) | InvalidChange::NotVoter(_) => {
            ChangeRefusal::NotLearner.into()
        }
        InvalidChange::NoVoters => ChangeRefusal::NotEnoughStarted.into(),
        // Somebody else changes more than one vote at this moment.
        InvalidChange::Joint | InvalidChange::NotJoint | InvalidChange::OtherStorage(_) => {
            ChangeFailure::NotNow
        }
    })
}

/// Answers on the peer port for a node, as long as the node is there.
pub struct Desk {
    inner: Weak<Inner>,
}

impl Desk {
    /// A desk of the node that the client asks.
    pub fn new(client: &Client) -> Desk {
        Desk { inner: Arc::downgrade(&client.inner) }
    }
}

impl MemberDesk for Desk {
    fn members(&self) -> Vec<MemberStatus> {
        let Some(inner) = self.inner.upgrade() else { return Vec::new() };
        // Those in force: the second voter of all is committed only once it has joined. A
        // disk that refuses ends the node by itself; whoever asks then asks another one.
        inner.members_of(&inner.replica.status().membership).unwrap_or_default()
    }

    fn is_removed(&self, id: NodeId) -> bool {
        let Some(inner) = self.inner.upgrade() else { return false };
        let membership = inner.reader.view().membership();
        membership.is_ok_and(|membership| membership.removed.contains(&id))
    }

    fn change(&self, change: MemberChange, timeout: Duration) -> ChangeFuture {
        let inner = self.inner.clone();
        Box::pin(async move {
            match inner.upgrade() {
                Some(inner) => inner.change_here(&change, timeout).await,
                None => Err(ChangeFailure::NotNow),
            }
        })
    }
}
