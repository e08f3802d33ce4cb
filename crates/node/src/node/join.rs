//! Joining a cluster that runs.
//!
//! A member that was added has an id which the cluster found for it, and it begins with
//! nothing: not even a membership, which comes with the entries or the snapshot. So it
//! asks the members that it was told of who belongs to the cluster, and looks for itself
//! among them by its peer URLs. Both lists must agree, as etcd wants it: an operator whose
//! flags name other members than the cluster has is mistaken about one of them.

use std::collections::BTreeSet;

use raft_core::SnapshotMeta;
use raft_net::PeerAddress;
use raft_net::grpc::{Options, Roll, ask_members};
use tokio::task::JoinSet;

use super::builder::{NodeBuilder, StartError};
use super::folder::Owner;
use super::member::Founder;
use super::start::NetRuntime;

/// Asks the other members who this node is. Returns that, with all members.
pub async fn enrol(
    runtime: &NetRuntime,
    builder: &NodeBuilder,
    own: &Founder,
) -> Result<(Owner, Roll), StartError> {
    let mut asked = JoinSet::new();
    for founder in builder.founders.iter().filter(|founder| founder.name != own.name) {
        for url in &founder.peer_urls {
            let address: PeerAddress = url.parse()?;
            let asking = async move { (ask_members(&Options::default(), &address).await, address) };
            asked.spawn_on(asking, &runtime.handle());
        }
    }
    let mut failures = Vec::new();
    let mut mismatch = None;
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok((Ok(roll), _)) => match find_own(&roll, &builder.founders, own) {
                Ok(owner) => return Ok((owner, roll)),
                // Another member may have applied more.
                Err(why) => mismatch = Some(why),
            },
            Ok((Err(error), address)) => failures.push(format!("{}: {error}", address.url())),
            Err(error) => failures.push(error.to_string()),
        }
    }
    if let Some(why) = mismatch {
        return Err(StartError::Join(format!("error validating peerURLs: {why}")));
    }
    failures.sort();
    Err(StartError::Join(format!(
        "cannot fetch cluster info from peer urls: could not retrieve cluster information from \
         the given URLs: {}",
        if failures.is_empty() {
            "no other member is given".to_owned()
        } else {
            failures.join("; ")
        }
    )))
}

/// This node by the word of a member.
fn find_own(roll: &Roll, given: &[Founder], own: &Founder) -> Result<Owner, String> {
    if roll.members.is_empty() {
        return Err("the member that was asked knows no members: ask again later".to_owned());
    }
    if roll.members.len() != given.len() {
        return Err(format!(
            "member count is unequal: the cluster has {} members at {}, and the flags name {}",
            roll.members.len(),
            roll.members
                .iter()
                .map(|member| member.peer_urls.join(","))
                .collect::<Vec<_>>()
                .join("; "),
            given.len()
        ));
    }
    let set = |urls: &[String]| urls.iter().cloned().collect::<BTreeSet<String>>();
    for member in &roll.members {
        if !given.iter().any(|founder| set(&founder.peer_urls) == set(&member.peer_urls)) {
            return Err(format!(
                "PeerURLs: no match found for existing member ({:x}, {})",
                member.id.0,
                member.peer_urls.join(",")
            ));
        }
    }
    let found = roll.members.iter().find(|member| set(&member.peer_urls) == set(&own.peer_urls));
    let node = found.ok_or_else(|| {
        format!("no member of the cluster is at {}: add it first", own.peer_urls.join(","))
    })?;
    Ok(Owner { node: node.id, cluster: roll.cluster, bootstrap: SnapshotMeta::default() })
}

#[cfg(test)]
mod tests {
    use raft_core::NodeId;
    use raft_net::MemberStatus;

    use super::*;

    fn founder(name: &str, url: &str) -> Founder {
        Founder { name: name.to_owned(), peer_urls: vec![url.to_owned()] }
    }

    fn roll(urls: &[&str]) -> Roll {
        let member = |(id, url): (u64, &&str)| MemberStatus {
            id: NodeId(id),
            name: String::new(),
            peer_urls: vec![(*url).to_owned()],
            client_urls: Vec::new(),
            is_learner: false,
        };
        let members = (1..).zip(urls).map(member).collect();
        Roll { cluster: 77, told_by: NodeId(1), members }
    }

    #[test]
    fn a_node_finds_itself_by_its_urls() {
        let given = [founder("a", "http://a:1"), founder("b", "http://b:1")];
        let owner = find_own(&roll(&["http://b:1", "http://a:1"]), &given, &given[0]);
        let owner = owner.expect("it is there");
        assert_eq!((owner.node, owner.cluster), (NodeId(2), 77));
        assert_eq!(owner.bootstrap, SnapshotMeta::default(), "it begins with nothing");
    }

    #[test]
    fn lists_that_differ_are_told_apart() {
        let given = [founder("a", "http://a:1"), founder("b", "http://b:1")];
        for (urls, why) in [
            (&["http://b:1"][..], "member count is unequal"),
            (&["http://b:1", "http://c:1"], "no match found for existing member (2, http://c:1)"),
        ] {
            let refused = find_own(&roll(urls), &given, &given[0]).err().expect(why);
            assert!(refused.contains(why), "{refused}");
        }
    }
}
