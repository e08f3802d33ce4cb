//! Flags that a data folder overrules.
//!
//! What a cluster is founded with is followed once. A node that has data goes by its
//! data, as etcd's do, and such flags are often left in place for years. Where one of
//! them says something else than what is in force, somebody may believe to have changed
//! it, and is told.

use std::collections::BTreeSet;

use balsa::{Client, Consistency, MemberStatus, cluster_id, member_id};

use crate::flags::Settings;

/// A flag that is not followed.
#[derive(Debug, PartialEq, Eq)]
struct Ignored {
    flag: &'static str,
    given: String,
    in_force: String,
}

/// Tells of each such flag in a line of the log.
pub async fn tell(settings: &Settings, client: &Client) {
    let header = client.header();
    let members = match client.members(Consistency::Serializable).await {
        Ok(members) => members,
        Err(error) => {
            tracing::warn!(%error, "flags are not compared with the data folder");
            return;
        }
    };
    let own = members.iter().find(|member| member.id == header.member);
    for Ignored { flag, given, in_force } in find(settings, own, header.cluster, &members) {
        tracing::warn!(
            flag = format!("--{flag}"),
            given,
            in_force,
            data_dir = %settings.data_dir.display(),
            "a flag is ignored: the data folder says otherwise"
        );
    }
}

fn find(
    settings: &Settings,
    own: Option<&MemberStatus>,
    cluster: u64,
    members: &[MemberStatus],
) -> Vec<Ignored> {
    let mut ignored = Vec::new();
    let mut add = |flag: &'static str, given: String, in_force: String| {
        if settings.given.contains(flag) {
            ignored.push(Ignored { flag, given, in_force });
        }
    };
    let set = |urls: &[String]| urls.iter().cloned().collect::<BTreeSet<String>>();
    let named = settings.founders.iter().find(|founder| founder.name == settings.name);
    if let (Some(named), Some(own)) = (named, own)
        && set(&named.peer_urls) != set(&own.peer_urls)
    {
        let flag = "initial-advertise-peer-urls";
        add(flag, named.peer_urls.join(","), own.peer_urls.join(","));
    }

    // Names are not compared: a member may be renamed, and the store follows.
    let given: BTreeSet<_> =
        settings.founders.iter().map(|member| set(&member.peer_urls)).collect();
    let in_force: BTreeSet<_> = members.iter().map(|member| set(&member.peer_urls)).collect();
    if given != in_force {
        let founders = settings.founders.iter();
        let founders = list(founders.map(|member| (&member.name, &member.peer_urls)));
        let members = list(members.iter().map(|member| (&member.name, &member.peer_urls)));
        add("initial-cluster", founders, members);
        return ignored;
    }

    // Of the token only the ids are left. The same members with other ids had another.
    let token = &settings.token;
    let ids = settings.founders.iter().map(|member| member_id(&member.peer_urls, token));
    let ids: Vec<_> = ids.collect();
    let founded = cluster_id(ids.iter().copied());
    let has_their_ids = members.iter().all(|member| ids.contains(&member.id));
    if founded != cluster && !has_their_ids {
        let in_force = format!("the one that cluster {cluster:x} was founded with");
        add("initial-cluster-token", token.clone(), in_force);
    }
    ignored
}

/// `name=url` for each URL.
fn list<'a>(members: impl Iterator<Item = (&'a String, &'a Vec<String>)>) -> String {
    let urls = members.flat_map(|(name, urls)| urls.iter().map(move |url| format!("{name}={url}")));
    urls.collect::<Vec<_>>().join(",")
}
