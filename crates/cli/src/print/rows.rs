//! Lists of members and endpoints as rows of cells, for the formats `simple` and `table`.

use etcd_client::proto::{PbHashKvResponse, PbMemberListResponse, PbStatusResponse};

use super::Health;
use crate::go::{duration, size};

/// Headings of [`members`].
pub const MEMBERS: [&str; 6] = ["ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"];

/// Headings of [`health`].
pub const HEALTH: [&str; 4] = ["ENDPOINT", "HEALTH", "TOOK", "ERROR"];

/// Headings of [`status`].
pub const STATUS: [&str; 16] = [
    "ENDPOINT",
    "ID",
    "VERSION",
    "STORAGE VERSION",
    "DB SIZE",
    "IN USE",
    "PERCENTAGE NOT IN USE",
    "QUOTA",
    "IS LEADER",
    "IS LEARNER",
    "RAFT TERM",
    "RAFT INDEX",
    "RAFT APPLIED INDEX",
    "ERRORS",
    "DOWNGRADE TARGET VERSION",
    "DOWNGRADE ENABLED",
];

/// Headings of [`hashes`].
pub const HASHES: [&str; 3] = ["ENDPOINT", "HASH", "HASH REVISION"];

/// A row for each member.
pub fn members(list: &PbMemberListResponse) -> Vec<Vec<String>> {
    let row = |member: &etcd_client::proto::PbMember| {
        vec![
            format!("{:x}", member.id),
            // A member has its name from the moment it has started once.
            if member.name.is_empty() { "unstarted" } else { "started" }.to_owned(),
            member.name.clone(),
            member.peer_ur_ls.join(","),
            member.client_ur_ls.join(","),
            member.is_learner.to_string(),
        ]
    };
    list.members.iter().map(row).collect()
}

/// A row for each endpoint.
pub fn health(list: &[Health]) -> Vec<Vec<String>> {
    let row = |health: &Health| {
        vec![
            health.endpoint.clone(),
            health.error.is_none().to_string(),
            health.took.map(duration::format).unwrap_or_default(),
            health.error.clone().unwrap_or_default(),
        ]
    };
    list.iter().map(row).collect()
}

/// A row for each endpoint.
pub fn status(list: &[(String, PbStatusResponse)]) -> Vec<Vec<String>> {
    let row = |(endpoint, status): &(String, PbStatusResponse)| {
        let member = status.header.as_ref().map_or(0, |header| header.member_id);
        let downgrade = status.downgrade_info.clone().unwrap_or_default();
        vec![
            endpoint.clone(),
            format!("{member:x}"),
            status.version.clone(),
            status.storage_version.clone(),
            bytes(status.db_size),
            bytes(status.db_size_in_use),
            format!("{}%", unused_percentage(status.db_size, status.db_size_in_use)),
            bytes(status.db_size_quota),
            (status.leader == member).to_string(),
            status.is_learner.to_string(),
            status.raft_term.to_string(),
            status.raft_index.to_string(),
            status.raft_applied_index.to_string(),
            status.errors.join(", "),
            downgrade.target_version,
            downgrade.enabled.to_string(),
        ]
    };
    list.iter().map(row).collect()
}

/// A row for each endpoint.
pub fn hashes(list: &[(String, PbHashKvResponse)]) -> Vec<Vec<String>> {
    let row = |(endpoint, hash): &(String, PbHashKvResponse)| {
        vec![endpoint.clone(), hash.hash.to_string(), hash.hash_revision.to_string()]
    };
    list.iter().map(row).collect()
}

/// Sizes are signed on the wire and never negative.
fn bytes(size: i64) -> String {
    size::format(u64::try_from(size).unwrap_or(0))
}

fn unused_percentage(size: i64, used: i64) -> i64 {
    match used.saturating_mul(100).checked_div(size) {
        Some(percentage) => 100 - percentage,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_empty_store_divides_by_nothing() {
        assert_eq!(super::unused_percentage(0, 0), 0);
        assert_eq!(super::unused_percentage(20_480, 16_384), 20);
    }
}
