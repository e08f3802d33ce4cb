//! Where the flags come from beside the command line: the environment and the
//! configuration file.

use super::file::{self, ConfigFile};
use super::not_protected;
use crate::args::{Globals, Protection};
use crate::failure::{Exit, Failure};
use crate::terminal;

/// Prefixes of the variables, the stronger one first.
const PREFIXES: [&str; 2] = ["KVCTL_", "ETCDCTL_"];

/// The environment and which of its variables were looked at, and the file.
pub struct Sources {
    variables: Vec<(String, String)>,
    used: Vec<String>,
    file: ConfigFile,
}

impl Sources {
    /// The environment and the file that the flags or the environment name.
    ///
    /// # Errors
    /// The file cannot be read, or is malformed.
    pub fn new(globals: &Globals, variables: Vec<(String, String)>) -> Result<Sources, Failure> {
        let mut sources = Sources {
            variables,
            used: vec![file::VARIABLE.to_owned()],
            file: ConfigFile::default(),
        };
        sources.file = ConfigFile::find(globals.config.as_deref(), |name| sources.get(name))?;
        Ok(sources)
    }

    /// The flag, or else the variable, or else what the file says.
    ///
    /// # Errors
    /// Flag and variable are both given, or the file's value cannot be read.
    pub fn pick<T: Clone>(
        &mut self,
        name: &str,
        flag: Option<&T>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        let mut found = flag.cloned();
        for prefix in PREFIXES {
            let variable = variable(prefix, name);
            let Some(value) = self.get(&variable) else { continue };
            if flag.is_some() {
                return Err(Failure::new(
                    Exit::Error,
                    format!(
                        "{variable} is set and --{name} is given: unset the variable or leave out the flag"
                    ),
                ));
            }
            if !value.is_empty() && found.is_none() {
                match parse(&value) {
                    Ok(parsed) => found = Some(parsed),
                    Err(error) => terminal::note(format_args!("{variable} is ignored: {error}")),
                }
            }
            self.used.push(variable);
        }
        if found.is_none()
            && let Some(value) = self.file.get(name)
        {
            let parsed = parse(value).map_err(|reason| self.file.malformed(name, &reason))?;
            found = Some(parsed);
        }
        Ok(found)
    }

    fn get(&self, name: &str) -> Option<String> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// A flag, a variable or a line that asks for protection must not be passed over.
    ///
    /// # Errors
    /// One of them does.
    pub fn refuse_protection(&self, flags: &Protection) -> Result<(), Failure> {
        let known = [
            ("cert", &flags.cert),
            ("key", &flags.key),
            ("cacert", &flags.cacert),
            ("auth-jwt-token", &flags.auth_jwt_token),
            ("discovery-srv", &flags.discovery_srv),
        ];
        for (name, flag) in known {
            if flag.is_some() {
                return Err(not_protected(&format!("--{name}")));
            }
            for prefix in PREFIXES {
                let variable = variable(prefix, name);
                if self.get(&variable).is_some_and(|value| !value.is_empty()) {
                    return Err(not_protected(&variable));
                }
            }
            if self.file.get(name).is_some_and(|value| !value.is_empty()) {
                return Err(self
                    .file
                    .malformed(name, "TLS, tokens and discovery are not built yet"));
            }
        }
        Ok(())
    }

    /// Names the variables that nobody has asked for.
    pub fn warn_of_the_rest(&self) {
        for (name, _) in &self.variables {
            let ours = PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            if ours && !self.used.contains(name) {
                terminal::note(format_args!(
                    "the environment variable {name} is not known and not used"
                ));
            }
        }
    }
}

/// The variable of a flag.
fn variable(prefix: &str, flag: &str) -> String {
    format!("{prefix}{}", flag.to_ascii_uppercase().replace('-', "_"))
}
