//! The format `simple`: what people want to see, and nothing else.

use etcd_client::proto::{
    PbDeleteResponse, PbKeyValue, PbPutResponse, PbRangeResponse, PbTxnOpResponse, PbTxnResponse,
};

use super::{Alarms, Answer, Changed, Deed, Health, Moved, Output, rows};
use crate::go::duration;
use crate::go::quote::quote;

/// The text of an answer. Endpoints that are not healthy are left out: they are told on
/// standard error, by [`unhealthy`].
pub fn render(answer: &Answer, output: Output) -> Vec<u8> {
    let mut text = Vec::new();
    match answer {
        Answer::Put(response) => put(&mut text, response, output),
        Answer::Get(response) => get(&mut text, response, output),
        Answer::Del(response) => del(&mut text, response, output),
        Answer::Txn(response) => txn(&mut text, response, output),
        Answer::Members(list) => lists(&mut text, rows::members(list)),
        Answer::Changed(changed) => change(&mut text, changed),
        Answer::Alarms(alarms) => {
            for (member, number) in &alarms.raised {
                let words = format!("memberID:{member} alarm:{}", Alarms::name(*number));
                line(&mut text, words.as_bytes());
            }
        }
        Answer::Moved(Moved { from, to, .. }) => {
            line(&mut text, format!("Leadership transferred from {from:x} to {to:x}").as_bytes());
        }
        Answer::Health(list) => healthy(&mut text, list),
        Answer::Status(list) => lists(&mut text, rows::status(list)),
        Answer::Hash(list) => lists(&mut text, rows::hashes(list)),
    }
    text
}

/// The line about an endpoint that is not healthy.
pub fn unhealthy(endpoint: &str, error: &str) -> String {
    format!("{endpoint} is unhealthy: failed to commit proposal: {error}")
}

fn put(text: &mut Vec<u8>, response: &PbPutResponse, output: Output) {
    line(text, b"OK");
    if let Some(previous) = &response.prev_kv {
        key_value(text, previous, output);
    }
}

fn get(text: &mut Vec<u8>, response: &PbRangeResponse, output: Output) {
    response.kvs.iter().for_each(|kv| key_value(text, kv, output));
}

fn del(text: &mut Vec<u8>, response: &PbDeleteResponse, output: Output) {
    line(text, response.deleted.to_string().as_bytes());
    response.prev_kvs.iter().for_each(|kv| key_value(text, kv, output));
}

fn txn(text: &mut Vec<u8>, response: &PbTxnResponse, output: Output) {
    line(text, if response.succeeded { b"SUCCESS" } else { b"FAILURE" });
    for operation in &response.responses {
        line(text, b"");
        match &operation.response {
            Some(PbTxnOpResponse::ResponsePut(response)) => put(text, response, output),
            Some(PbTxnOpResponse::ResponseRange(response)) => get(text, response, output),
            Some(PbTxnOpResponse::ResponseDeleteRange(response)) => del(text, response, output),
            Some(PbTxnOpResponse::ResponseTxn(response)) => txn(text, response, output),
            None => line(text, b"unexpected response without content"),
        }
    }
}

/// What was done; after an addition also what the new member is to be started with.
fn change(text: &mut Vec<u8>, changed: &Changed) {
    let (id, cluster) = (changed.id, changed.header.as_ref().map_or(0, |header| header.cluster_id));
    let done = match &changed.deed {
        Deed::Added { .. } if changed.member.as_ref().is_some_and(|member| member.is_learner) => {
            "added as learner to"
        }
        Deed::Added { .. } => "added to",
        Deed::Removed => "removed from",
        Deed::Updated => "updated in",
        Deed::Promoted => "promoted in",
    };
    line(text, format!("Member {id:16x} {done} cluster {cluster:16x}").as_bytes());
    let Deed::Added { name, peer_urls } = &changed.deed else { return };
    let places = changed.members.iter().flat_map(|member| {
        let name = if member.id == id { name } else { &member.name };
        member.peer_ur_ls.iter().map(move |url| format!("{name}={url}"))
    });
    let cluster = places.collect::<Vec<_>>().join(",");
    line(text, b"");
    for (variable, value) in [
        ("ETCD_NAME", name.as_str()),
        ("ETCD_INITIAL_CLUSTER", &cluster),
        ("ETCD_INITIAL_ADVERTISE_PEER_URLS", peer_urls),
        ("ETCD_INITIAL_CLUSTER_STATE", "existing"),
    ] {
        line(text, format!("{variable}={}", quote(value.as_bytes())).as_bytes());
    }
}

fn healthy(text: &mut Vec<u8>, list: &[Health]) {
    for health in list.iter().filter(|health| health.error.is_none()) {
        let took = health.took.map(duration::format).unwrap_or_default();
        let words = format!(
            "{} is healthy: successfully committed proposal: took = {took}",
            health.endpoint
        );
        line(text, words.as_bytes());
    }
}

fn lists(text: &mut Vec<u8>, rows: Vec<Vec<String>>) {
    rows.iter().for_each(|row| line(text, row.join(", ").as_bytes()));
}

fn key_value(text: &mut Vec<u8>, kv: &PbKeyValue, output: Output) {
    if !output.value_only {
        bytes(text, &kv.key, output.hex);
    }
    bytes(text, &kv.value, output.hex);
}

fn bytes(text: &mut Vec<u8>, bytes: &[u8], hex: bool) {
    if hex {
        let escaped: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        line(text, escaped.as_bytes());
    } else {
        line(text, bytes);
    }
}

fn line(text: &mut Vec<u8>, words: &[u8]) {
    text.extend_from_slice(words);
    text.push(b'\n');
}
