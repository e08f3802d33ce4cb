//! Where Balsa's answer may differ from etcd's. The list is closed, each entry has its
//! reason, and one that is not needed any more is an error.

use super::call::Outcome;

/// What may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// The words; the code agrees.
    Message,
    /// All.
    Answer,
}

const BY_PIECE: &str = "etcd sorts each piece of a stream by itself; keys would be left out of a \
                        longer one";
const EMPTY: &str = "etcd never answers it";
const STRICT: &str = "what follows a message is an error here, where etcd looks no further";
const KIND: &str = "a field of the wrong kind is an error here; Go takes it for an unknown one";
const GZIP: &str = "compressed messages are not taken in, and clients that ask are told so";

/// The rows whose answers differ.
const DIFFERENCES: &[(&str, Scope, &str)] = &[
    ("range stream: limit -9223372036854775808 in order 0 by 1", Scope::Answer, BY_PIECE),
    ("range stream: limit -1 in order 0 by 1", Scope::Answer, BY_PIECE),
    ("range stream: limit 0 in order 0 by 1", Scope::Answer, BY_PIECE),
    ("range stream: limit 1 in order 0 by 1", Scope::Answer, BY_PIECE),
    ("range stream: order by 3", Scope::Answer, BY_PIECE),
    ("message: a field of another kind", Scope::Answer, KIND),
    ("message: none", Scope::Answer, EMPTY),
    ("message: a head cut off", Scope::Message, "Go tells a cut in the head from one behind it"),
    ("message: with bytes behind it", Scope::Answer, STRICT),
    ("message: longer than it says", Scope::Answer, STRICT),
    ("header: a known encoding that is not used", Scope::Answer, GZIP),
    ("header: a known encoding of garbage", Scope::Answer, GZIP),
];

/// Compares the answers to a row.
pub fn judge(row: &str, etcd: &Outcome, balsa: &Outcome) -> Result<(), String> {
    let known = DIFFERENCES.iter().find(|(name, ..)| *name == row);
    let code = |outcome: &Outcome| outcome.status.as_ref().map(|(code, _)| *code);
    match known {
        None if etcd == balsa => Ok(()),
        None => Err("they differ".to_owned()),
        Some(_) if etcd == balsa => Err("they agree; take it from the list".to_owned()),
        Some((_, Scope::Message, why)) if code(etcd) != code(balsa) => {
            Err(format!("more than the message differs ({why})"))
        }
        Some(_) => Ok(()),
    }
}
