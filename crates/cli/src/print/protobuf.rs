//! The format `protobuf`: the message of the API as it travels, for programs.

use prost::Message;

use super::Answer;

/// The encoded message; nothing if the answers of several endpoints are gathered, for
/// which the API has no message.
pub fn render(answer: &Answer) -> Option<Vec<u8>> {
    match answer {
        Answer::Put(response) => Some(response.encode_to_vec()),
        Answer::Get(response) => Some(response.encode_to_vec()),
        Answer::Del(response) => Some(response.encode_to_vec()),
        Answer::Txn(response) => Some(response.encode_to_vec()),
        Answer::Members(list) => Some(list.encode_to_vec()),
        Answer::Changed(changed) => Some(changed.encoded.clone()),
        Answer::Alarms(alarms) => Some(alarms.encoded.clone()),
        Answer::Moved(moved) => Some(moved.encoded.clone()),
        Answer::Health(_) | Answer::Status(_) | Answer::Hash(_) => None,
    }
}
