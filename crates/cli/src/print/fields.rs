//! The format `fields`: `"Name" : value`, one field a line, all fields of an answer.

use std::fmt::Display;

use etcd_client::proto::{
    PbDeleteResponse, PbHashKvResponse, PbKeyValue, PbMemberListResponse, PbPutResponse,
    PbRangeResponse, PbResponseHeader, PbStatusResponse, PbTxnOpResponse, PbTxnResponse,
};

use super::{Alarms, Answer, Health};
use crate::go::duration;
use crate::go::quote::quote;

/// The fields of an answer, nothing for a change of members; `hex` concerns ids, not keys
/// and values.
pub fn render(answer: &Answer, hex: bool) -> Option<String> {
    let mut fields = Fields { text: String::new(), hex };
    match answer {
        Answer::Put(response) => fields.put(response),
        Answer::Get(response) => fields.get(response),
        Answer::Del(response) => fields.del(response),
        Answer::Txn(response) => fields.txn(response),
        Answer::Members(list) => fields.members(list),
        Answer::Alarms(alarms) => fields.alarms(alarms),
        Answer::Changed(_) | Answer::Moved(_) => return None,
        Answer::Health(list) => list.iter().for_each(|health| fields.health(health)),
        Answer::Status(list) => {
            list.iter().for_each(|(endpoint, status)| fields.status(endpoint, status))
        }
        Answer::Hash(list) => list.iter().for_each(|(endpoint, hash)| fields.hash(endpoint, hash)),
    }
    Some(fields.text)
}

struct Fields {
    text: String,
    hex: bool,
}

impl Fields {
    fn put(&mut self, response: &PbPutResponse) {
        self.header(response.header.as_ref());
        if let Some(previous) = &response.prev_kv {
            self.key_value("Prev", previous);
        }
    }

    fn get(&mut self, response: &PbRangeResponse) {
        self.header(response.header.as_ref());
        response.kvs.iter().for_each(|kv| self.key_value("", kv));
        self.field("More", response.more);
        self.field("Count", response.count);
    }

    fn del(&mut self, response: &PbDeleteResponse) {
        self.header(response.header.as_ref());
        self.field("Deleted", response.deleted);
        response.prev_kvs.iter().for_each(|kv| self.key_value("Prev", kv));
    }

    fn txn(&mut self, response: &PbTxnResponse) {
        self.header(response.header.as_ref());
        self.field("Succeeded", response.succeeded);
        for operation in &response.responses {
            match &operation.response {
                Some(PbTxnOpResponse::ResponsePut(response)) => self.put(response),
                Some(PbTxnOpResponse::ResponseRange(response)) => self.get(response),
                Some(PbTxnOpResponse::ResponseDeleteRange(response)) => self.del(response),
                Some(PbTxnOpResponse::ResponseTxn(response)) => self.txn(response),
                None => self.quoted("Unknown", b"<nil>"),
            }
        }
    }

    fn members(&mut self, list: &PbMemberListResponse) {
        self.header(list.header.as_ref());
        for member in &list.members {
            self.id("ID", member.id);
            self.quoted("Name", member.name.as_bytes());
            member.peer_ur_ls.iter().for_each(|url| self.quoted("PeerURL", url.as_bytes()));
            member.client_ur_ls.iter().for_each(|url| self.quoted("ClientURL", url.as_bytes()));
            self.field("IsLearner", member.is_learner);
            self.end();
        }
    }

    fn alarms(&mut self, alarms: &Alarms) {
        self.header(alarms.header.as_ref());
        for (member, number) in &alarms.raised {
            self.id("MemberID", *member);
            self.field("AlarmType", Alarms::name(*number));
            self.end();
        }
    }

    fn health(&mut self, health: &Health) {
        self.quoted("Endpoint", health.endpoint.as_bytes());
        self.field("Health", health.error.is_none());
        self.field("Took", health.took.map(duration::format).unwrap_or_default());
        self.field("Error", health.error.as_deref().unwrap_or_default());
        self.end();
    }

    fn status(&mut self, endpoint: &str, status: &PbStatusResponse) {
        let downgrade = status.downgrade_info.clone().unwrap_or_default();
        self.header(status.header.as_ref());
        self.quoted("Version", status.version.as_bytes());
        self.quoted("StorageVersion", status.storage_version.as_bytes());
        self.field("DBSize", status.db_size);
        self.field("DBSizeInUse", status.db_size_in_use);
        self.field("DBSizeQuota", status.db_size_quota);
        self.field("Leader", status.leader);
        self.field("IsLearner", status.is_learner);
        self.field("RaftIndex", status.raft_index);
        self.field("RaftTerm", status.raft_term);
        self.field("RaftAppliedIndex", status.raft_applied_index);
        self.field("Errors", format_args!("[{}]", status.errors.join(" ")));
        self.quoted("Endpoint", endpoint.as_bytes());
        self.quoted("DowngradeTargetVersion", downgrade.target_version.as_bytes());
        self.field("DowngradeEnabled", downgrade.enabled);
        self.end();
    }

    fn hash(&mut self, endpoint: &str, hash: &PbHashKvResponse) {
        self.header(hash.header.as_ref());
        self.quoted("Endpoint", endpoint.as_bytes());
        self.field("Hash", hash.hash);
        self.field("HashRevision", hash.hash_revision);
        self.end();
    }

    fn header(&mut self, header: Option<&PbResponseHeader>) {
        let header = header.cloned().unwrap_or_default();
        self.id("ClusterID", header.cluster_id);
        self.id("MemberID", header.member_id);
        // Answers that are not about keys carry no revision.
        if header.revision > 0 {
            self.field("Revision", header.revision);
        }
        self.field("RaftTerm", header.raft_term);
    }

    fn key_value(&mut self, prefix: &str, kv: &PbKeyValue) {
        self.quoted(&format!("{prefix}Key"), &kv.key);
        self.field(&format!("{prefix}CreateRevision"), kv.create_revision);
        self.field(&format!("{prefix}ModRevision"), kv.mod_revision);
        self.field(&format!("{prefix}Version"), kv.version);
        self.quoted(&format!("{prefix}Value"), &kv.value);
        if self.hex {
            self.field(&format!("{prefix}Lease"), format_args!("{:016x}", kv.lease));
        } else {
            self.field(&format!("{prefix}Lease"), kv.lease);
        }
    }

    fn id(&mut self, name: &str, id: u64) {
        if self.hex {
            self.field(name, format_args!("{id:x}"));
        } else {
            self.field(name, id);
        }
    }

    fn quoted(&mut self, name: &str, value: &[u8]) {
        self.field(name, quote(value));
    }

    fn field(&mut self, name: &str, value: impl Display) {
        self.text += &format!("\"{name}\" : {value}\n");
    }

    /// The empty line after each element of a list.
    fn end(&mut self) {
        self.text.push('\n');
    }
}
