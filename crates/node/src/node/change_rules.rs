//! Which changes of members a leader makes.
//!
//! The rules are etcd's, in etcd's order. Some of them, those of `--strict-reconfig-check`,
//! guard against an operator's accident: a member added to a cluster that already lacks
//! members raises the majority beyond those that are there, and nothing, not even taking it
//! back, can be decided any more.
//!
//! | change | strict | always |
//! |---|---|---|
//! | add | enough started, enough in touch | no id twice, no URL twice, not too many learners |
//! | remove a voter | enough of the rest started, enough of it in touch | a member |
//! | promote | enough started | a member, caught up, a learner |
//! | update | | a member, no URL twice |
//!
//! A member is started once it has told its name. In touch means here that a connection to
//! it is open now; etcd wants it to have been open for five seconds.

use std::collections::BTreeMap;

use raft_core::quorum::majority;
use raft_core::{Index, Membership, NodeId, Step};
use raft_net::{ChangeRefusal, MemberChange, MemberStatus, PeerAddress};

use super::member::{self, Founder};

/// What an operator allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangePolicy {
    /// Whether changes that endanger the majority are refused.
    pub is_strict: bool,
    /// How many learners there may be.
    pub max_learners: u64,
}

impl Default for ChangePolicy {
    /// etcd's.
    fn default() -> ChangePolicy {
        ChangePolicy { is_strict: true, max_learners: 1 }
    }
}

/// What a leader knows of its cluster.
pub struct Cluster<'a> {
    /// The leader.
    pub own: NodeId,
    /// The membership in force.
    pub membership: &'a Membership,
    /// The same members, as clients are told of them.
    pub members: &'a [MemberStatus],
    /// The end of the leader's log.
    pub last: Index,
    /// How far each peer's log is known to agree with it.
    pub matched: BTreeMap<NodeId, Index>,
    /// Whether a peer is in touch.
    pub in_touch: &'a dyn Fn(NodeId) -> bool,
}

/// The step that makes a change, with the member that it is about. `unix_seconds` is the
/// time, which goes into the id of a member that is added.
///
/// # Errors
///
/// The first rule that is against it.
pub fn check(
    change: &MemberChange,
    cluster: &Cluster<'_>,
    policy: ChangePolicy,
    unix_seconds: u64,
) -> Result<(NodeId, Step), ChangeRefusal> {
    match change {
        MemberChange::Add { peer_urls, is_learner } => {
            let peer_urls = checked_urls(peer_urls)?;
            let id = member::added_member_id(&peer_urls, unix_seconds);
            if policy.is_strict {
                cluster.may_add(*is_learner)?;
            }
            let known = cluster.membership;
            if known.members.contains_key(&id) || known.removed.contains(&id) {
                return Err(ChangeRefusal::MemberExists);
            }
            cluster.check_free(&peer_urls, None)?;
            if *is_learner && known.learners().count() as u64 >= policy.max_learners {
                return Err(ChangeRefusal::TooManyLearners);
            }
            let context = member::encode(&Founder { name: String::new(), peer_urls });
            let step = match is_learner {
                true => Step::AddLearner { id, context },
                false => Step::AddVoter { id, context },
            };
            Ok((id, step))
        }
        MemberChange::Remove(id) => {
            cluster.check_present(*id)?;
            if policy.is_strict && cluster.membership.is_voter(*id) {
                cluster.may_remove(*id)?;
            }
            // Not even a careless operator can leave nobody to decide.
            if cluster.membership.voters.iter().all(|voter| voter == id) {
                return Err(ChangeRefusal::NotEnoughStarted);
            }
            Ok((*id, Step::Remove(*id)))
        }
        MemberChange::Promote(id) => {
            cluster.check_present(*id)?;
            if !cluster.has_caught_up(*id) {
                return Err(ChangeRefusal::LearnerNotReady);
            }
            if policy.is_strict {
                cluster.may_promote()?;
            }
            match cluster.membership.is_learner(*id) {
                true => Ok((*id, Step::Promote(*id))),
                false => Err(ChangeRefusal::NotLearner),
            }
        }
        MemberChange::Update { id, peer_urls } => {
            let peer_urls = checked_urls(peer_urls)?;
            cluster.check_present(*id)?;
            cluster.check_free(&peer_urls, Some(*id))?;
            // The founding name stays; a name that was told is kept elsewhere.
            let mut known = member::members(cluster.membership);
            let name = known.remove(id).map(|founder| founder.name).unwrap_or_default();
            let context = member::encode(&Founder { name, peer_urls });
            Ok((*id, Step::SetContext { id: *id, context }))
        }
    }
}

/// Sorted URLs that can be dialled, `http://host:port` and nothing behind it.
fn checked_urls(urls: &[String]) -> Result<Vec<String>, ChangeRefusal> {
    let mut checked = Vec::new();
    for url in urls {
        let url = url.trim();
        let is_bare = url.starts_with("http://") && !url.ends_with('/');
        if !is_bare || url.parse::<PeerAddress>().is_err() {
            return Err(ChangeRefusal::BadUrls);
        }
        checked.push(url.to_owned());
    }
    checked.sort();
    if checked.is_empty() { Err(ChangeRefusal::BadUrls) } else { Ok(checked) }
}

impl Cluster<'_> {
    fn check_present(&self, id: NodeId) -> Result<(), ChangeRefusal> {
        match self.membership.members.contains_key(&id) {
            true => Ok(()),
            false => Err(ChangeRefusal::MemberNotFound),
        }
    }

    /// No member but `except` is at one of the URLs.
    fn check_free(&self, urls: &[String], except: Option<NodeId>) -> Result<(), ChangeRefusal> {
        let others = self.members.iter().filter(|member| Some(member.id) != except);
        let mut taken = others.flat_map(|member| &member.peer_urls);
        match taken.any(|url| urls.contains(url)) {
            true => Err(ChangeRefusal::PeerUrlExists),
            false => Ok(()),
        }
    }

    fn voters(&self) -> impl Iterator<Item = &MemberStatus> {
        self.members.iter().filter(|member| !member.is_learner)
    }

    /// How many voters but `except` have started.
    fn started(&self, except: Option<NodeId>) -> u64 {
        let counts = |member: &&MemberStatus| !member.name.is_empty() && Some(member.id) != except;
        self.voters().filter(counts).count() as u64
    }

    /// How many voters the leader is in touch with, itself included.
    fn connected(&self) -> u64 {
        let counts = |member: &&MemberStatus| member.id == self.own || (self.in_touch)(member.id);
        self.voters().filter(counts).count() as u64
    }

    fn may_add(&self, is_learner: bool) -> Result<(), ChangeRefusal> {
        let voters = self.voters().count() as u64;
        // One member may always become two: how else could a cluster grow?
        if voters == 1 {
            return Ok(());
        }
        if !is_learner && self.started(None) < majority(voters + 1) {
            return Err(ChangeRefusal::NotEnoughStarted);
        }
        // As if the new one were a voter that is not there.
        if self.connected() < majority(voters + 1) {
            return Err(ChangeRefusal::Unhealthy);
        }
        Ok(())
    }

    fn may_remove(&self, id: NodeId) -> Result<(), ChangeRefusal> {
        let rest = self.voters().filter(|member| member.id != id).count() as u64;
        if self.started(Some(id)) < majority(rest) {
            return Err(ChangeRefusal::NotEnoughStarted);
        }
        // Whoever is not there is not missed.
        if id != self.own && !(self.in_touch)(id) {
            return Ok(());
        }
        if self.connected() - 1 < majority(rest) {
            return Err(ChangeRefusal::Unhealthy);
        }
        Ok(())
    }

    fn may_promote(&self) -> Result<(), ChangeRefusal> {
        // The learner counts, and counts as started.
        let voters = self.voters().count() as u64 + 1;
        match self.started(None) + 1 < majority(voters) {
            true => Err(ChangeRefusal::NotEnoughStarted),
            false => Ok(()),
        }
    }

    fn has_caught_up(&self, id: NodeId) -> bool {
        let matched = match id == self.own {
            true => self.last,
            false => self.matched.get(&id).copied().unwrap_or_default(),
        };
        matched.0.saturating_mul(10) >= self.last.0.saturating_mul(9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use raft_core::{Change, Leave};

    /// A cluster of voters 1, 2, … of which some have started and are in touch.
    struct Scene {
        membership: Membership,
        members: Vec<MemberStatus>,
        away: Vec<u64>,
        matched: u64,
    }

    impl Scene {
        fn of(voters: u64, unstarted: &[u64], away: &[u64]) -> Scene {
            let member = |id: u64| {
                let urls = vec![format!("http://h{id}:1")];
                let name = if unstarted.contains(&id) { "" } else { "n" }.to_owned();
                (NodeId(id), Founder { name, peer_urls: urls })
            };
            let founders = (1..=voters).map(member).map(|(id, founder)| {
                let context = member::encode(&founder);
                (id, raft_core::Member { storage_id: None, context })
            });
            let mut scene = Scene {
                membership: Membership::new(founders),
                members: Vec::new(),
                away: away.to_vec(),
                matched: 100,
            };
            scene.list();
            scene
        }

        fn list(&mut self) {
            let status = |(id, founder): (NodeId, Founder)| MemberStatus {
                id,
                name: founder.name,
                peer_urls: founder.peer_urls,
                client_urls: Vec::new(),
                is_learner: self.membership.is_learner(id),
            };
            self.members = member::members(&self.membership).into_iter().map(status).collect();
        }

        fn with(mut self, step: Step) -> Scene {
            let change = Change::Steps { steps: vec![step], leave: Leave::Auto };
            self.membership = self.membership.changed(&change).expect("the step makes sense");
            self.list();
            self
        }

        fn learner(id: u64) -> Step {
            let founder =
                Founder { name: "n".to_owned(), peer_urls: vec![format!("http://h{id}:1")] };
            Step::AddLearner { id: NodeId(id), context: member::encode(&founder) }
        }

        fn check(&self, change: &MemberChange) -> Result<(NodeId, Step), ChangeRefusal> {
            self.check_by(change, ChangePolicy::default())
        }

        fn check_by(
            &self,
            change: &MemberChange,
            policy: ChangePolicy,
        ) -> Result<(NodeId, Step), ChangeRefusal> {
            let cluster = Cluster {
                own: NodeId(1),
                membership: &self.membership,
                members: &self.members,
                last: Index(100),
                matched: (2..9).map(|id| (NodeId(id), Index(self.matched))).collect(),
                in_touch: &|id| !self.away.contains(&id.0),
            };
            check(change, &cluster, policy, 1_700_000_000)
        }
    }

    fn add(url: &str) -> MemberChange {
        MemberChange::Add { peer_urls: vec![url.to_owned()], is_learner: false }
    }

    fn add_learner(url: &str) -> MemberChange {
        MemberChange::Add { peer_urls: vec![url.to_owned()], is_learner: true }
    }

    const NEW: &str = "http://h9:1";
    const CARELESS: ChangePolicy = ChangePolicy { is_strict: false, max_learners: 1 };

    #[test]
    fn a_healthy_cluster_grows() {
        let (id, step) = Scene::of(3, &[], &[]).check(&add(NEW)).expect("nothing is against it");
        assert_eq!(id, member::added_member_id(&[NEW.to_owned()], 1_700_000_000));
        assert!(matches!(step, Step::AddVoter { .. }));
        let (_, step) = Scene::of(3, &[], &[]).check(&add_learner(NEW)).expect("nor this");
        assert!(matches!(step, Step::AddLearner { .. }));
    }

    #[test]
    fn urls_must_be_such_that_peers_can_dial() {
        let scene = Scene::of(1, &[], &[]);
        for url in ["", "h9:1", "https://h9:1", "http://h9", "http://h9:1/", "http://h9:1/x"] {
            assert_eq!(scene.check(&add(url)), Err(ChangeRefusal::BadUrls), "{url}");
        }
        let nowhere = MemberChange::Add { peer_urls: Vec::new(), is_learner: false };
        assert_eq!(scene.check(&nowhere), Err(ChangeRefusal::BadUrls));
    }

    #[test]
    fn nobody_comes_twice() {
        let scene = Scene::of(3, &[], &[]);
        assert_eq!(scene.check(&add("http://h2:1")), Err(ChangeRefusal::PeerUrlExists));
        let id = member::added_member_id(&[NEW.to_owned()], 1_700_000_000);
        let gone = Scene::of(3, &[], &[])
            .with(Step::AddLearner { id, context: Default::default() })
            .with(Step::Remove(id));
        assert_eq!(gone.check(&add(NEW)), Err(ChangeRefusal::MemberExists));
    }

    #[test]
    fn one_learner_at_a_time() {
        let scene = Scene::of(3, &[], &[]).with(Scene::learner(4));
        assert_eq!(scene.check(&add_learner(NEW)), Err(ChangeRefusal::TooManyLearners));
        let two = ChangePolicy { max_learners: 2, ..ChangePolicy::default() };
        assert!(scene.check_by(&add_learner(NEW), two).is_ok());
        assert!(scene.check(&add(NEW)).is_ok(), "a voter is no learner");
    }

    #[test]
    fn one_member_becomes_two_and_waits_for_the_second() {
        assert!(Scene::of(1, &[], &[]).check(&add(NEW)).is_ok());
        let waits = Scene::of(2, &[2], &[2]);
        assert_eq!(waits.check(&add(NEW)), Err(ChangeRefusal::NotEnoughStarted));
        assert_eq!(waits.check(&add_learner(NEW)), Err(ChangeRefusal::Unhealthy));
        assert!(waits.check_by(&add(NEW), CARELESS).is_ok());
    }

    #[test]
    fn a_majority_that_is_there_is_not_given_up() {
        let one_away = Scene::of(3, &[], &[3]);
        assert_eq!(one_away.check(&add(NEW)), Err(ChangeRefusal::Unhealthy));
        let remove = |id| MemberChange::Remove(NodeId(id));
        assert_eq!(one_away.check(&remove(2)), Err(ChangeRefusal::Unhealthy));
        assert!(one_away.check(&remove(3)).is_ok(), "whoever is away is not missed");
        assert!(one_away.check_by(&remove(2), CARELESS).is_ok());
        let unstarted = Scene::of(3, &[2, 3], &[]);
        assert_eq!(unstarted.check(&remove(1)), Err(ChangeRefusal::NotEnoughStarted));
    }

    #[test]
    fn the_last_voter_stays() {
        let alone = Scene::of(1, &[], &[]).with(Scene::learner(2));
        for policy in [ChangePolicy::default(), CARELESS] {
            let refused = alone.check_by(&MemberChange::Remove(NodeId(1)), policy);
            assert_eq!(refused, Err(ChangeRefusal::NotEnoughStarted));
        }
        assert!(alone.check(&MemberChange::Remove(NodeId(2))).is_ok(), "a learner may go");
    }

    #[test]
    fn a_learner_that_has_caught_up_is_promoted() {
        let promote = |id| MemberChange::Promote(NodeId(id));
        let mut scene = Scene::of(1, &[], &[]).with(Scene::learner(2));
        assert_eq!(scene.check(&promote(2)), Ok((NodeId(2), Step::Promote(NodeId(2)))));
        assert_eq!(scene.check(&promote(1)), Err(ChangeRefusal::NotLearner));
        assert_eq!(scene.check(&promote(3)), Err(ChangeRefusal::MemberNotFound));
        scene.matched = 89;
        assert_eq!(scene.check(&promote(2)), Err(ChangeRefusal::LearnerNotReady));
        let unstarted = Scene::of(3, &[2, 3], &[]).with(Scene::learner(4));
        assert_eq!(unstarted.check(&promote(4)), Err(ChangeRefusal::NotEnoughStarted));
    }

    #[test]
    fn a_member_moves_to_a_free_place_and_keeps_its_name() {
        let update = |id, url: &str| MemberChange::Update {
            id: NodeId(id),
            peer_urls: vec![url.to_owned()],
        };
        let scene = Scene::of(3, &[], &[]);
        assert_eq!(scene.check(&update(9, NEW)), Err(ChangeRefusal::MemberNotFound));
        assert_eq!(scene.check(&update(2, "http://h3:1")), Err(ChangeRefusal::PeerUrlExists));
        assert!(scene.check(&update(2, "http://h2:1")).is_ok(), "its own place is free for it");
        let (_, step) = scene.check(&update(2, NEW)).expect("nobody is there");
        let moved = scene.with(step);
        assert_eq!(moved.members[1].peer_urls, [NEW]);
        assert_eq!(moved.members[1].name, "n");
    }
}
