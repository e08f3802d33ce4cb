//! An event as a line.

use std::fmt;
use std::fmt::Write as _;
use std::time::SystemTime;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::clock;

/// What a line tells.
pub struct Line {
    level: &'static str,
    moment: String,
    caller: String,
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Line {
    /// Reads an event that happened at a moment.
    pub fn read(event: &Event<'_>, moment: SystemTime) -> Line {
        let metadata = event.metadata();
        let mut line = Line {
            level: name(*metadata.level()),
            moment: clock::text(moment),
            caller: caller(metadata.file(), metadata.line()),
            message: String::new(),
            fields: Vec::new(),
        };
        event.record(&mut line);
        line
    }

    /// As a JSON object.
    pub fn json(&self) -> String {
        let mut text = String::with_capacity(256);
        text.push('{');
        let head = [
            ("level", self.level),
            ("ts", &self.moment),
            ("caller", &self.caller),
            ("msg", &self.message),
        ];
        for (name, value) in head {
            push_member(&mut text, name, &Value::from(value));
        }
        for (name, value) in &self.fields {
            push_member(&mut text, name, value);
        }
        text.push_str("}\n");
        text
    }

    /// For people.
    pub fn console(&self) -> String {
        let Line { level, moment, caller, message, .. } = self;
        let mut text = format!("{moment}\t{level}\t{caller}\t{message}");
        for (name, value) in &self.fields {
            // A string that is one word needs no quotes.
            let _ = match value.as_str().filter(|word| is_plain(word)) {
                Some(word) => write!(text, "\t{name}={word}"),
                None => write!(text, "\t{name}={value}"),
            };
        }
        text.push('\n');
        text
    }

    fn add(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        } else {
            self.fields.push((field.name(), value));
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Value::from(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Value::from(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, Value::from(value.to_string()));
    }
}

fn push_member(text: &mut String, name: &str, value: &Value) {
    if !text.ends_with('{') {
        text.push(',');
    }
    // Writing to a string never fails.
    let _ = write!(text, "{}:{value}", Value::from(name));
}

fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG | Level::TRACE => "debug",
    }
}

/// The last folder, the file and the line.
fn caller(file: Option<&str>, line: Option<u32>) -> String {
    let file = file.unwrap_or("unknown");
    let parts: Vec<&str> = file.rsplitn(3, '/').take(2).collect();
    let short: Vec<&str> = parts.into_iter().rev().collect();
    format!("{}:{}", short.join("/"), line.unwrap_or(0))
}

fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        Line {
            level: "info",
            moment: "2026-01-02T03:04:05.678901Z".to_owned(),
            caller: "node/start.rs:155".to_owned(),
            message: "node \"opened\"".to_owned(),
            fields: vec![("name", "n1".into()), ("applied", 7.into()), ("why", "a b".into())],
        }
    }

    #[test]
    fn json_has_the_shape_of_etcd() {
        let expected = concat!(
            r#"{"level":"info","ts":"2026-01-02T03:04:05.678901Z","caller":"node/start.rs:155","#,
            r#""msg":"node \"opened\"","name":"n1","applied":7,"why":"a b"}"#,
            "\n"
        );
        assert_eq!(line().json(), expected);
    }

    #[test]
    fn people_get_words() {
        let expected = "2026-01-02T03:04:05.678901Z\tinfo\tnode/start.rs:155\tnode \"opened\"\
                        \tname=n1\tapplied=7\twhy=\"a b\"\n";
        assert_eq!(line().console(), expected);
    }

    #[test]
    fn the_caller_is_short() {
        assert_eq!(caller(Some("crates/node/src/node/start.rs"), Some(7)), "node/start.rs:7");
        assert_eq!(caller(Some("main.rs"), Some(7)), "main.rs:7");
        assert_eq!(caller(None, None), "unknown:0");
    }
}
