//! The configuration file: YAML with the names of the global flags as keys.
//!
//! ```yaml
//! endpoints: [10.0.0.1:2379, 10.0.0.2:2379]
//! command-timeout: 10s
//! ```

use std::io;
use std::path::{Path, PathBuf};

use serde_yaml_ng::{Mapping, Value};

use crate::failure::{Exit, Failure};

/// The variable that names the file.
pub const VARIABLE: &str = "KVCTL_CONFIG";

/// The place of the file in the folder of configurations.
const PLACE: &str = "kvctl/config.yaml";

/// What may stand in it.
const KEYS: [&str; 21] = [
    "auth-jwt-token",
    "cacert",
    "cert",
    "command-timeout",
    "debug",
    "dial-timeout",
    "discovery-srv",
    "discovery-srv-name",
    "endpoints",
    "hex",
    "insecure-discovery",
    "insecure-skip-tls-verify",
    "insecure-transport",
    "keepalive-time",
    "keepalive-timeout",
    "key",
    "max-recv-bytes",
    "max-request-bytes",
    "password",
    "user",
    "write-out",
];

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ConfigFile {
    path: PathBuf,
    /// Name and value, as it would stand on the command line, and the line of the file.
    entries: Vec<(String, String, usize)>,
}

impl ConfigFile {
    /// Reads the file that is asked for, or the one at the usual place if there is one.
    /// `variable` looks into the environment.
    ///
    /// # Errors
    /// The file cannot be read, is malformed, or has a key that is not known.
    pub fn find(
        flag: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<ConfigFile, Failure> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let asked = flag.map(Path::to_owned).or_else(|| variable(VARIABLE).map(PathBuf::from));
        if let Some(path) = asked {
            let text = std::fs::read_to_string(&path);
            return ConfigFile::parse(&path, &text.map_err(|error| unreadable(&path, &error))?);
        }
        let home = variable("HOME").map(|home| Path::new(&home).join(".config"));
        let Some(folder) = variable("XDG_CONFIG_HOME").map(PathBuf::from).or(home) else {
            return Ok(ConfigFile::default());
        };
        let path = folder.join(PLACE);
        match std::fs::read_to_string(&path) {
            Ok(text) => ConfigFile::parse(&path, &text),
            Err(error) if is_absent(&error) => Ok(ConfigFile::default()),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }

    /// The value of a flag.
    pub fn get(&self, name: &str) -> Option<&str> {
        let entry = self.entries.iter().find(|(known, ..)| known == name);
        entry.map(|(_, value, _)| value.as_str())
    }

    /// The failure of a value that cannot be read.
    pub fn malformed(&self, name: &str, reason: &str) -> Failure {
        let line = self.entries.iter().find(|(known, ..)| known == name).map(|entry| entry.2);
        wrong(&self.path, line.unwrap_or_default(), &format!("{name}: {reason}"))
    }

    fn parse(path: &Path, text: &str) -> Result<ConfigFile, Failure> {
        // The words of the parser name the line.
        let value: Value = serde_yaml_ng::from_str(text).map_err(|error| {
            Failure::new(Exit::BadArguments, format!("{}: {error}", path.display()))
                .with_hint(ADVICE)
        })?;
        let map = match value {
            Value::Null => Mapping::new(),
            Value::Mapping(map) => map,
            _ => return Err(wrong(path, 1, "it must hold keys with values")),
        };
        let mut entries = Vec::new();
        for (key, value) in &map {
            let name = text_of(key).ok_or_else(|| wrong(path, 1, "a key is no text"))?;
            let line = line_of(text, &name);
            if name == "config" {
                return Err(wrong(path, line, "config: a file cannot name another one"));
            }
            if !KEYS.contains(&name.as_str()) {
                return Err(wrong(path, line, &format!("unknown key {name:?}")));
            }
            let value = match value {
                Value::Null => continue,
                Value::Sequence(list) if name == "endpoints" => {
                    let words: Option<Vec<String>> = list.iter().map(text_of).collect();
                    words.map(|words| words.join(","))
                }
                other => text_of(other),
            };
            let value = value
                .ok_or_else(|| wrong(path, line, &format!("{name}: this is no value of a flag")))?;
            entries.push((name, value, line));
        }
        Ok(ConfigFile { path: path.to_owned(), entries })
    }
}

/// What to do about a malformed file.
const ADVICE: &str = "the file holds lines like `endpoints: [10.0.0.1:2379, 10.0.0.2:2379]` or `command-timeout: 10s`; \
     `kvctl --help` lists the flags that can stand there, without their dashes";

fn wrong(path: &Path, line: usize, what: &str) -> Failure {
    Failure::new(Exit::BadArguments, format!("{}, line {line}: {what}", path.display()))
        .with_hint(ADVICE)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::BadArguments, format!("cannot read {}: {error}", path.display()))
        .with_hint(format_args!("--config or {VARIABLE} names the file"))
}

/// Whether there is simply no file: neither it nor a folder on the way to it.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A value as it would stand on the command line.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(switch) => Some(switch.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The line on which a key stands, from 1 on.
fn line_of(text: &str, key: &str) -> usize {
    let is_of_key = |line: &str| {
        let line = line.trim_start_matches([' ', '{', '"', '\'']);
        line.strip_prefix(key)
            .is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
    };
    text.lines().position(is_of_key).map_or(1, |number| number + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, Failure> {
        ConfigFile::parse(Path::new("c.yaml"), text)
    }

    #[test]
    fn keys_are_flags() {
        let file = parse("endpoints: [a:1, b:2]\nhex: true\nmax-recv-bytes: 7\nuser:\n");
        let file = file.expect("all are known");
        assert_eq!(file.get("endpoints"), Some("a:1,b:2"));
        assert_eq!(file.get("hex"), Some("true"));
        assert_eq!(file.get("max-recv-bytes"), Some("7"));
        assert_eq!(file.get("user"), None);
        assert_eq!(parse("endpoints: a:1,b:2").map(|file| file.entries.len()), Ok(1));
        assert_eq!(parse("# nothing yet\n").map(|file| file.entries.len()), Ok(0));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, message) in [
            ("hex: true\nendpoint: a:1\n", "c.yaml, line 2: unknown key \"endpoint\""),
            ("hex: [1]\n", "c.yaml, line 1: hex: this is no value of a flag"),
            ("config: d.yaml", "c.yaml, line 1: config: a file cannot name another one"),
            ("- hex\n", "c.yaml, line 1: it must hold keys with values"),
        ] {
            let failure = parse(text).expect_err(message);
            assert_eq!(failure.words(), message);
            assert_eq!(failure.exit, Exit::BadArguments);
        }
        let failure = parse("hex: true\nuser: {\n").expect_err("it is no YAML");
        assert!(failure.words().contains("line "), "{}", failure.words());
    }

    #[test]
    fn a_file_that_is_asked_for_must_be_there() {
        let none = |_: &str| None;
        assert_eq!(ConfigFile::find(None, none), Ok(ConfigFile::default()));
        let failure = ConfigFile::find(Some(Path::new("/nowhere/c.yaml")), none);
        let failure = failure.expect_err("it is not there");
        assert!(failure.words().starts_with("cannot read /nowhere/c.yaml: "));
        let home = |name: &str| (name == "HOME").then(|| "/nowhere".to_owned());
        assert_eq!(ConfigFile::find(None, home), Ok(ConfigFile::default()));
    }
}
