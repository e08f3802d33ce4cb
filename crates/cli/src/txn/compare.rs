//! A condition of a transaction: `target("key") op "value"`.
//!
//! Targets are `ver` or `version`, `c` or `create`, `m` or `mod`, `val` or `value`, and
//! `lease` (its id in hexadecimal); operators are `=`, `!=`, `<` and `>`.

use etcd_client::{Compare, CompareOp};

use crate::failure::{Exit, Failure};
use crate::go::number::parse_int;
use crate::go::quote::{quote, unquote};

/// Reads a condition.
///
/// # Errors
/// It is malformed: the message tells how far it could be read.
pub fn parse(line: &str) -> Result<Compare, Failure> {
    let malformed = |tail: String| {
        Failure::new(Exit::InvalidInput, format!("malformed comparison: {line}{tail}"))
            .with_hint("a condition looks like mod(\"key\") > \"0\"; operators are =, !=, < and >")
    };
    let (target, rest) = line.split_once('(').ok_or_else(|| malformed(String::new()))?;
    let Scanned { key, op, value } = scan(rest);
    let Some(value) = value else {
        let tail = format!("; got {target}({}) {op} \"\"", quote(&key));
        return Err(malformed(tail));
    };
    let number = || {
        let text = String::from_utf8_lossy(&value);
        parse_int(&text, 10).map_err(|error| {
            Failure::new(Exit::InvalidInput, format!("invalid txn compare request: {line}"))
                .with_hint(error)
        })
    };
    let operator = |op| {
        operator(op)
            .ok_or_else(|| malformed(format!(" (unknown operator {})", quote(op.as_bytes()))))
    };
    // The operator is judged after the target and the number, as they are read.
    match target {
        "ver" | "version" => {
            let number = number()?;
            Ok(Compare::version(key, operator(op)?, number))
        }
        "c" | "create" => {
            let number = number()?;
            Ok(Compare::create_revision(key, operator(op)?, number))
        }
        "m" | "mod" => {
            let number = number()?;
            Ok(Compare::mod_revision(key, operator(op)?, number))
        }
        "val" | "value" => Ok(Compare::value(key, operator(op)?, value)),
        "lease" => {
            let text = String::from_utf8_lossy(&value);
            let lease = parse_int(&text, 16).map_err(|error| {
                Failure::new(
                    Exit::InvalidInput,
                    format!("bad lease ID ({error}), expecting ID in Hex"),
                )
            })?;
            Ok(Compare::lease(key, operator(op)?, lease))
        }
        _ => Err(malformed(format!(" (unknown target {target})"))),
    }
}

/// What could be read of `"key") op "value"`.
struct Scanned<'a> {
    key: Vec<u8>,
    op: &'a str,
    value: Option<Vec<u8>>,
}

/// Reads as far as the text goes along.
fn scan(text: &str) -> Scanned<'_> {
    let mut scanned = Scanned { key: Vec::new(), op: "", value: None };
    let Some((key, rest)) = unquote(text.trim_start()) else { return scanned };
    scanned.key = key;
    let Some(rest) = rest.strip_prefix(')') else { return scanned };
    // The operator stands apart: `"key")= "value"` has none.
    let Some(rest) = rest.strip_prefix(char::is_whitespace) else { return scanned };
    let rest = rest.trim_start();
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    scanned.op = &rest[..end];
    scanned.value = unquote(rest[end..].trim_start()).map(|(value, _)| value);
    scanned
}

fn operator(text: &str) -> Option<CompareOp> {
    match text {
        "=" => Some(CompareOp::Equal),
        "!=" => Some(CompareOp::NotEqual),
        ">" => Some(CompareOp::Greater),
        "<" => Some(CompareOp::Less),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(line: &str) -> String {
        parse(line).expect_err("the line is malformed").words().to_owned()
    }

    #[test]
    fn each_target_and_operator_is_known() {
        for target in ["ver", "version", "c", "create", "m", "mod", "val", "value", "lease"] {
            for op in ["=", "!=", "<", ">"] {
                let line = format!("{target}(\"key\") {op} \"12\"");
                assert!(parse(&line).is_ok(), "{line}");
            }
        }
        let read = parse("mod(\"k\\x00\")  > `7` and more").expect("what follows is passed over");
        let meant = Compare::mod_revision(b"k\0".to_vec(), CompareOp::Greater, 7);
        assert_eq!(format!("{read:?}"), format!("{meant:?}"));
    }

    #[test]
    fn malformed_conditions_tell_how_far_they_were_read() {
        assert_eq!(
            message("mod(\"a\")= \"0\""),
            "malformed comparison: mod(\"a\")= \"0\"; got mod(\"a\")  \"\""
        );
        assert_eq!(message("mod"), "malformed comparison: mod");
        assert_eq!(
            message("mod(a) > \"0\""),
            "malformed comparison: mod(a) > \"0\"; got mod(\"\")  \"\""
        );
        assert_eq!(
            message("mod(\"a\") > 0"),
            "malformed comparison: mod(\"a\") > 0; got mod(\"a\") > \"\""
        );
        assert_eq!(
            message("rev(\"a\") > \"0\""),
            "malformed comparison: rev(\"a\") > \"0\" (unknown target rev)"
        );
        assert_eq!(
            message("mod(\"a\") > \"x\""),
            "invalid txn compare request: mod(\"a\") > \"x\""
        );
        assert_eq!(
            message("mod(\"a\") ~ \"0\""),
            "malformed comparison: mod(\"a\") ~ \"0\" (unknown operator \"~\")"
        );
    }
}
