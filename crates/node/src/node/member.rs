//! Who the members of a cluster are: their ids, and what the membership holds of
//! them.
//!
//! Ids are computed as etcd computes them, so that every node of a new cluster
//! finds the same ones from the same flags, and tools that know a cluster by them
//! see no difference.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft_core::{Member, Membership, NodeId, SnapshotMeta};
use sha1::{Digest, Sha1};

/// A member of a cluster that is to be founded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founder {
    /// Its name, unique in the cluster.
    pub name: String,
    /// Where its peers reach it.
    pub peer_urls: Vec<String>,
}

/// The id of a founding member: the first 8 bytes of SHA-1 over its sorted peer
/// URLs and the cluster's token, big-endian.
pub fn member_id(peer_urls: &[String], token: &str) -> NodeId {
    let mut urls = peer_urls.to_vec();
    urls.sort();
    NodeId(first_bytes(urls.iter().map(String::as_bytes).chain([token.as_bytes()])))
}

/// The id of a member that joins a running cluster: the first 8 bytes of SHA-1 over its
/// sorted peer URLs and the time, in seconds since 1970. The token is left out, as etcd
/// does; the time sets the id apart from those of earlier members at the same URLs.
pub fn added_member_id(peer_urls: &[String], unix_seconds: u64) -> NodeId {
    member_id(peer_urls, &unix_seconds.to_string())
}

/// The id of a cluster: the same over its members' ids, in order.
pub fn cluster_id(members: impl IntoIterator<Item = NodeId>) -> u64 {
    let mut ids: Vec<u64> = members.into_iter().map(|id| id.0).collect();
    ids.sort_unstable();
    let ids: Vec<[u8; 8]> = ids.into_iter().map(u64::to_be_bytes).collect();
    first_bytes(ids.iter().map(<[u8; 8]>::as_slice))
}

fn first_bytes<'a>(parts: impl Iterator<Item = &'a [u8]>) -> u64 {
    let mut hash = Sha1::new();
    parts.for_each(|part| hash.update(part));
    let hash: [u8; 20] = hash.finalize().into();
    let first = hash.first_chunk::<8>().expect("SHA-1 has 20 bytes");
    u64::from_be_bytes(*first)
}

/// The state that a new cluster begins with: the same on all its founders.
pub fn bootstrap(founders: &[Founder], token: &str) -> SnapshotMeta {
    let members = founders.iter().map(|founder| {
        let member = Member { storage_id: None, context: encode(founder) };
        (member_id(&founder.peer_urls, token), member)
    });
    SnapshotMeta::bootstrap(Membership::new(members))
}

/// All members of a membership, with what it holds of them.
pub fn members(membership: &Membership) -> BTreeMap<NodeId, Founder> {
    membership.members.iter().map(|(id, member)| (*id, decode(&member.context))).collect()
}

/// Name and URLs, one in a line; none of them holds a line's end.
pub fn encode(founder: &Founder) -> Bytes {
    let mut urls = founder.peer_urls.clone();
    urls.sort();
    let mut lines = vec![founder.name.clone()];
    lines.append(&mut urls);
    lines.join("\n").into()
}

fn decode(context: &[u8]) -> Founder {
    let text = String::from_utf8_lossy(context);
    let mut lines = text.lines().map(str::to_owned);
    let name = lines.next().unwrap_or_default();
    Founder { name, peer_urls: lines.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(urls: &[&str]) -> Vec<String> {
        urls.iter().map(|url| (*url).to_owned()).collect()
    }

    #[test]
    fn ids_are_those_of_etcd() {
        // Printed by etcd 3.7.1, started without flags.
        let id = member_id(&urls(&["http://localhost:2380"]), "etcd-cluster");
        assert_eq!(id, NodeId(0x8e9e_05c5_2164_694d));
        assert_eq!(cluster_id([id]), 0xcdf8_1819_4e3a_8c32);
    }

    #[test]
    fn the_order_of_urls_and_members_does_not_matter() {
        let (one, two) = (urls(&["http://a:1", "http://b:1"]), urls(&["http://b:1", "http://a:1"]));
        assert_eq!(member_id(&one, "t"), member_id(&two, "t"));
        assert_ne!(member_id(&one, "t"), member_id(&one, "u"));
        assert_eq!(cluster_id([NodeId(1), NodeId(2)]), cluster_id([NodeId(2), NodeId(1)]));
    }

    #[test]
    fn what_the_membership_holds_is_read_back() {
        let founder =
            Founder { name: "n1".to_owned(), peer_urls: urls(&["http://a:1", "http://b:2"]) };
        let meta = bootstrap(std::slice::from_ref(&founder), "t");
        let id = member_id(&founder.peer_urls, "t");
        assert_eq!(members(&meta.membership), BTreeMap::from([(id, founder)]));
    }
}
