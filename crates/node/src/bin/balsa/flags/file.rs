//! The configuration file: YAML with the flags' names as keys.

use std::path::Path;

use serde_yaml_ng::{Mapping, Value};

use super::error::FlagError;
use super::table::{Kind, find};

/// Sections whose keys are flags, some of them without this prefix.
const SECTIONS: [(&str, &str); 2] =
    [("client-transport-security", ""), ("peer-transport-security", "peer-")];

/// Reads the flags that a file holds.
pub fn read(path: &Path) -> Result<Vec<(&'static str, String)>, FlagError> {
    let at = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| FlagError::Invalid(format!("cannot read {at}: {error}")))?;
    parse(&text).map_err(|why| FlagError::Invalid(format!("{at}: {why}")))
}

fn parse(text: &str) -> Result<Vec<(&'static str, String)>, String> {
    let value: Value = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    let mut flags = Vec::new();
    match value {
        Value::Null => {}
        Value::Mapping(entries) => section(&entries, "", &mut flags)?,
        _ => return Err("it must hold keys with values".to_owned()),
    }
    Ok(flags)
}

fn section(
    entries: &Mapping,
    prefix: &str,
    flags: &mut Vec<(&'static str, String)>,
) -> Result<(), String> {
    for (key, value) in entries {
        let key = key.as_str().ok_or("a key is no text")?;
        let inner = SECTIONS.iter().find(|(name, _)| prefix.is_empty() && *name == key);
        match (inner, value) {
            (Some((_, prefix)), Value::Mapping(entries)) => section(entries, prefix, flags)?,
            (Some(_), Value::Null) => {}
            (Some(_), _) => return Err(format!("{key} must hold keys with values")),
            (None, value) => {
                let flag = find(&format!("{prefix}{key}"))
                    .filter(|flag| flag.name != "config-file")
                    .ok_or_else(|| format!("unknown key {key:?}"))?;
                let value = text_of(value, flag.kind)
                    .ok_or_else(|| format!("{key}: this is no value of a flag"))?;
                flags.push((flag.name, value));
            }
        }
    }
    Ok(())
}

/// A value as it would stand on the command line. A bare number for a time counts
/// nanoseconds.
fn text_of(value: &Value, kind: Kind) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) if kind == Kind::Time => Some(format!("{number}ns")),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Sequence(values) => {
            let texts: Option<Vec<String>> =
                values.iter().map(|value| text_of(value, kind)).collect();
            texts.map(|texts| texts.join(","))
        }
        Value::Mapping(_) | Value::Tagged(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_flags() {
        let text = "\
name: n1
heartbeat-interval: 50
pre-vote: false
log-outputs: [stderr, a.log]
grpc-keepalive-timeout: 1000
client-transport-security:
  cert-file: a
peer-transport-security:
  client-cert-auth: true
";
        let expected = [
            ("name", "n1"),
            ("heartbeat-interval", "50"),
            ("pre-vote", "false"),
            ("log-outputs", "stderr,a.log"),
            ("grpc-keepalive-timeout", "1000ns"),
            ("cert-file", "a"),
            ("peer-client-cert-auth", "true"),
        ];
        let expected = expected.map(|(name, value)| (name, value.to_owned())).to_vec();
        assert_eq!(parse(text), Ok(expected));
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_flag_is_refused() {
        assert_eq!(parse("nome: a"), Err("unknown key \"nome\"".to_owned()));
        assert_eq!(parse("config-file: a"), Err("unknown key \"config-file\"".to_owned()));
        assert_eq!(parse("[a]"), Err("it must hold keys with values".to_owned()));
        assert!(parse("name: {a: b}").is_err());
        assert!(parse("client-transport-security: a").is_err());
        assert!(parse("a: [").is_err());
    }
}
