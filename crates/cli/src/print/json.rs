//! The format `json`: one value on one line, with the names of the API's fields.
//!
//! As in the encoding of the Go client, a field that has its type's zero value is left
//! out, and bytes are base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use etcd_client::proto::{
    PbDeleteResponse, PbHashKvResponse, PbKeyValue, PbMember, PbPutResponse, PbRangeResponse,
    PbResponseHeader, PbStatusResponse, PbTxnOpResponse, PbTxnResponse,
};

use super::{Answer, Health};
use crate::go::duration;

/// The line of an answer. `hex` writes the ids in a list of members as hexadecimal
/// strings, and changes nothing elsewhere.
pub fn render(answer: &Answer, hex: bool) -> String {
    let value = match answer {
        Answer::Put(response) => put(response),
        Answer::Get(response) => range(response),
        Answer::Del(response) => delete(response),
        Answer::Txn(response) => txn(response),
        Answer::Members(list) => members(list.header.as_ref(), None, &list.members, hex),
        Answer::Changed(changed) => {
            members(changed.header.as_ref(), changed.member.as_ref(), &changed.members, hex)
        }
        Answer::Alarms(alarms) => {
            let raised = alarms.raised.iter().map(|(member, number)| {
                Object::new().number("memberID", *member).number("alarm", *number).end()
            });
            let told = alarms.header.as_ref().map(header);
            Object::new().optional("header", told).list("alarms", raised).end()
        }
        // etcd's answer has no field that is set.
        Answer::Moved(_) => Object::new().end(),
        Answer::Health(list) => nullable(list.iter().map(health)),
        Answer::Status(list) => {
            nullable(list.iter().map(|(endpoint, value)| at(endpoint, "Status", status(value))))
        }
        Answer::Hash(list) => {
            nullable(list.iter().map(|(endpoint, value)| at(endpoint, "HashKV", hash(value))))
        }
    };
    value + "\n"
}

/// An object being written. Each method leaves the field out if its value is zero.
struct Object(String);

impl Object {
    fn new() -> Object {
        Object("{".to_owned())
    }

    fn number<N: Into<i128>>(self, name: &str, value: N) -> Object {
        let value = value.into();
        if value == 0 { self } else { self.raw(name, &value.to_string()) }
    }

    fn flag(self, name: &str, value: bool) -> Object {
        if value { self.raw(name, "true") } else { self }
    }

    fn text(self, name: &str, value: &str) -> Object {
        if value.is_empty() { self } else { self.raw(name, &string(value)) }
    }

    fn bytes(self, name: &str, value: &[u8]) -> Object {
        if value.is_empty() { self } else { self.raw(name, &string(&STANDARD.encode(value))) }
    }

    fn list(self, name: &str, values: impl Iterator<Item = String>) -> Object {
        let values: Vec<String> = values.collect();
        if values.is_empty() { self } else { self.raw(name, &array(&values)) }
    }

    fn optional(self, name: &str, value: Option<String>) -> Object {
        match value {
            Some(value) => self.raw(name, &value),
            None => self,
        }
    }

    fn raw(mut self, name: &str, value: &str) -> Object {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0 += &string(name);
        self.0.push(':');
        self.0 += value;
        self
    }

    fn end(self) -> String {
        self.0 + "}"
    }
}

fn put(response: &PbPutResponse) -> String {
    Object::new()
        .optional("header", response.header.as_ref().map(header))
        .optional("prev_kv", response.prev_kv.as_ref().map(key_value))
        .end()
}

fn range(response: &PbRangeResponse) -> String {
    Object::new()
        .optional("header", response.header.as_ref().map(header))
        .list("kvs", response.kvs.iter().map(key_value))
        .flag("more", response.more)
        .number("count", response.count)
        .end()
}

fn delete(response: &PbDeleteResponse) -> String {
    Object::new()
        .optional("header", response.header.as_ref().map(header))
        .number("deleted", response.deleted)
        .list("prev_kvs", response.prev_kvs.iter().map(key_value))
        .end()
}

fn txn(response: &PbTxnResponse) -> String {
    let operations = response.responses.iter().map(|operation| {
        let content = match &operation.response {
            Some(PbTxnOpResponse::ResponseRange(response)) => {
                Object::new().raw("response_range", &range(response))
            }
            Some(PbTxnOpResponse::ResponsePut(response)) => {
                Object::new().raw("response_put", &put(response))
            }
            Some(PbTxnOpResponse::ResponseDeleteRange(response)) => {
                Object::new().raw("response_delete_range", &delete(response))
            }
            Some(PbTxnOpResponse::ResponseTxn(response)) => {
                Object::new().raw("response_txn", &txn(response))
            }
            None => Object::new(),
        };
        Object::new().raw("Response", &content.end()).end()
    });
    Object::new()
        .optional("header", response.header.as_ref().map(header))
        .flag("succeeded", response.succeeded)
        .list("responses", operations)
        .end()
}

/// A list of members, or a change of it with the member that was added.
fn members(
    told: Option<&PbResponseHeader>,
    added: Option<&PbMember>,
    list: &[PbMember],
    hex: bool,
) -> String {
    if !hex {
        return Object::new()
            .optional("header", told.map(header))
            .optional("member", added.map(member))
            .list("members", list.iter().map(member))
            .end();
    }
    let told = told.map_or_else(|| "null".to_owned(), hex_header);
    Object::new()
        .raw("header", &told)
        .optional("member", added.map(hex_member))
        .raw("members", &array(&list.iter().map(hex_member).collect::<Vec<_>>()))
        .end()
}

fn member(member: &PbMember) -> String {
    described(Object::new().number("ID", member.id), member)
}

fn hex_member(member: &PbMember) -> String {
    described(Object::new().raw("ID", &string(&format!("{:x}", member.id))), member)
}

fn described(object: Object, member: &PbMember) -> String {
    object
        .text("name", &member.name)
        .list("peerURLs", member.peer_ur_ls.iter().map(|url| string(url)))
        .list("clientURLs", member.client_ur_ls.iter().map(|url| string(url)))
        .flag("isLearner", member.is_learner)
        .end()
}

fn health(health: &Health) -> String {
    Object::new()
        .raw("endpoint", &string(&health.endpoint))
        .raw("health", &health.error.is_none().to_string())
        .raw("took", &string(&health.took.map(duration::format).unwrap_or_default()))
        .text("error", health.error.as_deref().unwrap_or_default())
        .end()
}

fn at(endpoint: &str, name: &str, value: String) -> String {
    Object::new().raw("Endpoint", &string(endpoint)).raw(name, &value).end()
}

fn status(status: &PbStatusResponse) -> String {
    let downgrade = status.downgrade_info.as_ref().map(|info| {
        Object::new()
            .flag("enabled", info.enabled)
            .text("targetVersion", &info.target_version)
            .end()
    });
    Object::new()
        .optional("header", status.header.as_ref().map(header))
        .text("version", &status.version)
        .number("dbSize", status.db_size)
        .number("leader", status.leader)
        .number("raftIndex", status.raft_index)
        .number("raftTerm", status.raft_term)
        .number("raftAppliedIndex", status.raft_applied_index)
        .list("errors", status.errors.iter().map(|error| string(error)))
        .number("dbSizeInUse", status.db_size_in_use)
        .flag("isLearner", status.is_learner)
        .text("storageVersion", &status.storage_version)
        .number("dbSizeQuota", status.db_size_quota)
        .optional("downgradeInfo", downgrade)
        .end()
}

fn hash(hash: &PbHashKvResponse) -> String {
    Object::new()
        .optional("header", hash.header.as_ref().map(header))
        .number("hash", hash.hash)
        .number("compact_revision", hash.compact_revision)
        .number("hash_revision", hash.hash_revision)
        .end()
}

fn header(header: &PbResponseHeader) -> String {
    Object::new()
        .number("cluster_id", header.cluster_id)
        .number("member_id", header.member_id)
        .number("revision", header.revision)
        .number("raft_term", header.raft_term)
        .end()
}

fn hex_header(header: &PbResponseHeader) -> String {
    Object::new()
        .raw("cluster_id", &string(&format!("{:x}", header.cluster_id)))
        .raw("member_id", &string(&format!("{:x}", header.member_id)))
        .number("revision", header.revision)
        .number("raft_term", header.raft_term)
        .end()
}

fn key_value(kv: &PbKeyValue) -> String {
    Object::new()
        .bytes("key", &kv.key)
        .number("create_revision", kv.create_revision)
        .number("mod_revision", kv.mod_revision)
        .number("version", kv.version)
        .bytes("value", &kv.value)
        .number("lease", kv.lease)
        .end()
}

/// A list of which nothing is left when no endpoint answered.
fn nullable(values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.collect();
    if values.is_empty() { "null".to_owned() } else { array(&values) }
}

fn array(values: &[String]) -> String {
    format!("[{}]", values.join(","))
}

/// A JSON string; characters that mean something in HTML are escaped, as Go does.
fn string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let mut escaped = String::with_capacity(quoted.len());
    for character in quoted.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                escaped += &format!("\\u{:04x}", u32::from(character))
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_values_are_left_out() {
        let kv = PbKeyValue { key: b"a".to_vec(), mod_revision: 7, ..PbKeyValue::default() };
        assert_eq!(key_value(&kv), r#"{"key":"YQ==","mod_revision":7}"#);
        assert_eq!(render(&Answer::Status(Vec::new()), false), "null\n");
    }

    #[test]
    fn strings_are_safe_in_html() {
        assert_eq!(string("a<b>&\"\n\u{2028}"), r#""a\u003cb\u003e\u0026\"\n\u2028""#);
    }
}
