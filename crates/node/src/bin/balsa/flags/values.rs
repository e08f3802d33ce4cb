//! The flags' values, by name.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::FlagError;
use super::table::{FLAGS, Kind, Role, find};
use super::time;
use super::url::Url;

/// What was given, with the defaults behind it.
#[derive(Debug)]
pub struct Values {
    given: BTreeMap<&'static str, String>,
}

impl Values {
    /// These values, and the defaults for all others.
    pub fn new(given: BTreeMap<&'static str, String>) -> Values {
        Values { given }
    }

    /// Refuses what promises something that is not there, and tells what means
    /// nothing.
    pub fn check(&self, warnings: &mut Vec<String>) -> Result<(), FlagError> {
        for flag in FLAGS {
            let Some(value) = self.given.get(flag.name) else { continue };
            if self.is_default(flag.name, flag.kind, flag.default)? {
                continue;
            }
            match flag.role {
                Role::Used(_) => {}
                Role::NoEffect => warnings.push(format!("--{} has no effect", flag.name)),
                Role::Missing(what) => return Err(FlagError::invalid(flag.name, value, what)),
            }
        }
        Ok(())
    }

    /// Whether somebody said something.
    pub fn is_given(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// A text.
    pub fn text(&self, name: &'static str) -> &str {
        let default = || find(name).expect("the flag is in the table").default;
        self.given.get(name).map_or_else(default, String::as_str)
    }

    /// A switch.
    pub fn switch(&self, name: &'static str) -> Result<bool, FlagError> {
        let text = self.text(name);
        match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err(FlagError::invalid(name, text, "it is neither true nor false")),
        }
    }

    /// A whole number, 0 or greater.
    pub fn number(&self, name: &'static str) -> Result<u64, FlagError> {
        let text = self.text(name);
        text.parse().map_err(|_| FlagError::invalid(name, text, "it is no whole number"))
    }

    /// A whole number, which may be negative.
    pub fn signed(&self, name: &'static str) -> Result<i64, FlagError> {
        let text = self.text(name);
        text.parse().map_err(|_| FlagError::invalid(name, text, "it is no whole number"))
    }

    /// A time.
    pub fn time(&self, name: &'static str) -> Result<Duration, FlagError> {
        let text = self.text(name);
        time::parse(text)
            .ok_or_else(|| FlagError::invalid(name, text, "it is no time, as 1h, 2m3.5s or 300ms"))
    }

    /// A number of milliseconds.
    pub fn milliseconds(&self, name: &'static str) -> Result<Duration, FlagError> {
        self.number(name).map(Duration::from_millis)
    }

    /// A number within a bound.
    pub fn fit<T: TryFrom<u64>>(&self, name: &'static str, most: u64) -> Result<T, FlagError> {
        let number = self.number(name)?;
        let text = self.text(name);
        let too_large = || FlagError::invalid(name, text, format!("it must be {most} at most"));
        if number > most {
            return Err(too_large());
        }
        T::try_from(number).map_err(|_| too_large())
    }

    /// One of a few words.
    pub fn choose<T: Copy>(
        &self,
        name: &'static str,
        choices: &[(&'static str, T)],
    ) -> Result<T, FlagError> {
        let text = self.text(name);
        let found = choices.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            FlagError::invalid(name, text, format!("it must be one of {}", words.join(", ")))
        })
    }

    /// URLs with commas between them.
    pub fn urls(&self, name: &'static str) -> Result<Vec<Url>, FlagError> {
        let text = self.text(name);
        Url::parse_all(text).map_err(|why| FlagError::invalid(name, text, why))
    }

    fn is_default(&self, name: &'static str, kind: Kind, default: &str) -> Result<bool, FlagError> {
        let value = self.text(name);
        Ok(match kind {
            Kind::Text => value == default,
            Kind::Bool => self.switch(name)? == (default == "true"),
            Kind::Number => Some(self.number(name)?) == default.parse().ok(),
            Kind::Time => Some(self.time(name)?) == time::parse(default),
        })
    }
}
