//! The language of the scripts; described in [`scripts`](crate::scripts).

use bytes::Bytes;
use kv_statemachine::{
    Alarm, AlarmAction, AlarmKind, AlarmRequest, AlarmSource, Compare, CompareOperand,
    CompareResult, DeleteRangeRequest, KeyRange, PutRequest, RangeRequest, RequestOp, SortOrder,
    SortTarget, TxnRequest,
};
use raft_core::NodeId;

type Parsed<T> = Result<T, String>;

pub fn put(words: &[&str]) -> Parsed<PutRequest> {
    let [key, value, options @ ..] = words else { return Err("put KEY VALUE".to_owned()) };
    let mut request = PutRequest::of(text(key), text(value));
    for option in options {
        match option.split_once('=') {
            None if *option == "prev" => request.prev_kv = true,
            None if *option == "ignore_value" => request.ignore_value = true,
            None if *option == "ignore_lease" => request.ignore_lease = true,
            Some(("lease", lease)) => request.lease = number(lease)?,
            _ => return Err(format!("put has no option {option}")),
        }
    }
    Ok(request)
}

pub fn delete(words: &[&str]) -> Parsed<DeleteRangeRequest> {
    match words {
        [range] => Ok(DeleteRangeRequest { range: key_range(range), prev_kv: false }),
        [range, "prev"] => Ok(DeleteRangeRequest { range: key_range(range), prev_kv: true }),
        _ => Err("del RANGE [prev]".to_owned()),
    }
}

pub fn alarm(lift: bool, words: &[&str]) -> Parsed<AlarmRequest> {
    let (kind, member, source) = match words {
        [kind, member] => (kind, member, AlarmSource::Member),
        [kind, member, "operator"] => (kind, member, AlarmSource::Operator),
        _ => return Err("raise nospace|corrupt MEMBER [operator]".to_owned()),
    };
    let kind = match *kind {
        "nospace" => AlarmKind::NO_SPACE,
        "corrupt" => AlarmKind::CORRUPT,
        other => return Err(format!("there is no alarm {other}")),
    };
    let member = member.parse().map_err(|_| format!("{member} is no member"))?;
    let action = if lift { AlarmAction::Lift } else { AlarmAction::Raise };
    Ok(AlarmRequest { action, alarm: Alarm { kind, member: NodeId(member) }, source })
}

pub fn range(words: &[&str]) -> Parsed<RangeRequest> {
    let [range, options @ ..] = words else { return Err("get RANGE".to_owned()) };
    let mut request = RangeRequest::of(key_range(range));
    for option in options {
        match option.split_once('=') {
            None if *option == "keys" => request.keys_only = true,
            None if *option == "count" => request.count_only = true,
            Some(("rev", value)) => request.revision = number(value)?,
            Some(("limit", value)) => request.limit = number(value)?,
            Some(("min_mod", value)) => request.min_mod_revision = number(value)?,
            Some(("max_mod", value)) => request.max_mod_revision = number(value)?,
            Some(("min_create", value)) => request.min_create_revision = number(value)?,
            Some(("max_create", value)) => request.max_create_revision = number(value)?,
            Some(("order", "asc")) => request.sort_order = SortOrder::Ascend,
            Some(("order", "desc")) => request.sort_order = SortOrder::Descend,
            Some(("by", "key")) => request.sort_target = SortTarget::Key,
            Some(("by", "version")) => request.sort_target = SortTarget::Version,
            Some(("by", "create")) => request.sort_target = SortTarget::Create,
            Some(("by", "mod")) => request.sort_target = SortTarget::Mod,
            Some(("by", "value")) => request.sort_target = SortTarget::Value,
            _ => return Err(format!("get has no option {option}")),
        }
    }
    Ok(request)
}

pub fn txn(source: &str) -> Parsed<TxnRequest> {
    let words: Vec<&str> = source.split_whitespace().collect();
    let mut rest = words.as_slice();
    let request = txn_of(&mut rest)?;
    if rest.is_empty() { Ok(request) } else { Err(format!("what is {rest:?}?")) }
}

/// Conditions, `?`, steps, `:`, steps; up to the end or a closing parenthesis.
fn txn_of(rest: &mut &[&str]) -> Parsed<TxnRequest> {
    let mut compare = Vec::new();
    while let Some(word) = take(rest) {
        if word == "?" {
            let success = steps_of(rest)?;
            let failure = if rest.first() == Some(&":") {
                take(rest);
                steps_of(rest)?
            } else {
                Vec::new()
            };
            return Ok(TxnRequest { compare, success, failure });
        }
        compare.push(condition(word.trim_end_matches(','))?);
    }
    Err("a transaction needs a ?".to_owned())
}

fn steps_of(rest: &mut &[&str]) -> Parsed<Vec<RequestOp>> {
    let mut steps = Vec::new();
    loop {
        match rest.first() {
            None | Some(&":" | &")") => return Ok(steps),
            Some(&";") => {
                take(rest);
            }
            Some(&"(") => {
                take(rest);
                steps.push(RequestOp::Txn(txn_of(rest)?));
                if take(rest) != Some(")") {
                    return Err("a ) is missing".to_owned());
                }
            }
            Some(_) => {
                let length = rest
                    .iter()
                    .position(|word| matches!(*word, ";" | ":" | ")"))
                    .unwrap_or(rest.len());
                let (words, after) = rest.split_at(length);
                *rest = after;
                steps.push(step(words)?);
            }
        }
    }
}

fn step(words: &[&str]) -> Parsed<RequestOp> {
    match words {
        ["put", words @ ..] => Ok(RequestOp::Put(put(words)?)),
        ["del", words @ ..] => Ok(RequestOp::DeleteRange(delete(words)?)),
        ["get", words @ ..] => Ok(RequestOp::Range(range(words)?)),
        _ => Err(format!("what is {words:?}?")),
    }
}

fn condition(word: &str) -> Parsed<Compare> {
    let unknown = || format!("what is the condition {word}?");
    let (target, rest) = word.split_once('(').ok_or_else(unknown)?;
    let (range, rest) = rest.split_once(')').ok_or_else(unknown)?;
    let (sign, operand) = rest.split_at_checked(1).ok_or_else(unknown)?;
    Ok(Compare {
        range: key_range(range),
        result: match sign {
            "=" => CompareResult::Equal,
            ">" => CompareResult::Greater,
            "<" => CompareResult::Less,
            "!" => CompareResult::NotEqual,
            _ => return Err(unknown()),
        },
        operand: match target {
            "version" => CompareOperand::Version(number(operand)?),
            "create" => CompareOperand::CreateRevision(number(operand)?),
            "mod" => CompareOperand::ModRevision(number(operand)?),
            "value" => CompareOperand::Value(text(operand)),
            "lease" => CompareOperand::Lease(number(operand)?),
            _ => return Err(unknown()),
        },
    })
}

fn key_range(word: &str) -> KeyRange {
    if let Some(prefix) = word.strip_suffix('*') {
        return KeyRange::prefix(text(prefix));
    }
    match word.split_once("..") {
        None => KeyRange::single(text(word)),
        Some((key, "")) => KeyRange::from_key(text(key)),
        Some((key, end)) => KeyRange::between(text(key), text(end)),
    }
}

fn take<'a>(rest: &mut &[&'a str]) -> Option<&'a str> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

fn number(word: &str) -> Parsed<i64> {
    word.parse().map_err(|error| format!("{word}: {error}"))
}

/// Two quotes stand for nothing, where the words of a transaction need it.
fn text(word: &str) -> Bytes {
    Bytes::copy_from_slice(if word == "\"\"" { b"" } else { word.as_bytes() })
}
