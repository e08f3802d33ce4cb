//! The global flags as they are in force: the command line first, then the environment,
//! then the defaults.
//!
//! A flag `--dial-timeout` is read from `ETCDCTL_DIAL_TIMEOUT`, and from
//! `KVCTL_DIAL_TIMEOUT`, which wins. As in etcdctl, a flag given in both places is an
//! error, a variable that cannot be read counts as absent, and an unknown one is named.

use std::time::Duration;

use crate::args::{Globals, Protection};
use crate::failure::{Exit, Failure};
use crate::go::{duration, number};
use crate::print::{Format, Output};
use crate::terminal;

/// Prefixes of the variables, the stronger one first.
const PREFIXES: [&str; 2] = ["KVCTL_", "ETCDCTL_"];

/// The longest request, unless told otherwise.
const DEFAULT_REQUEST_BYTES: usize = 2 * 1024 * 1024;

/// The longest answer, unless told otherwise.
const DEFAULT_RESPONSE_BYTES: usize = i32::MAX as usize;

/// What a command needs to know to talk to servers and to print their answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Addresses, with or without `http://`.
    pub endpoints: Vec<String>,
    /// Time for the whole command.
    pub command_timeout: Duration,
    /// Time for one attempt to connect.
    pub dial_timeout: Duration,
    /// Time between pings.
    pub keepalive_time: Duration,
    /// Time for the answer to a ping.
    pub keepalive_timeout: Duration,
    /// Longest request in bytes.
    pub max_request_bytes: usize,
    /// Longest answer in bytes.
    pub max_recv_bytes: usize,
    /// Name and password.
    pub user: Option<(String, String)>,
    /// How answers are printed.
    pub output: Output,
    /// Whether all members are asked (`endpoint --cluster`).
    pub cluster: bool,
}

/// The environment, and which of its variables were looked at.
struct Environment {
    variables: Vec<(String, String)>,
    used: Vec<String>,
}

impl Settings {
    /// Settings from flags and this process's environment. `cluster` is the flag of the
    /// same name, for the command that has it.
    ///
    /// # Errors
    /// A flag is given in the environment too, asks for something that this client does
    /// not have, or names no known output format.
    pub fn resolve(globals: &Globals, cluster: Option<Option<bool>>) -> Result<Settings, Failure> {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Settings::resolve_in(globals, cluster, variables)
    }

    fn resolve_in(
        globals: &Globals,
        cluster: Option<Option<bool>>,
        variables: Vec<(String, String)>,
    ) -> Result<Settings, Failure> {
        let mut environment = Environment { variables, used: Vec::new() };
        let env = &mut environment;
        let word = |text: &str| Ok(text.to_owned());

        let endpoints =
            env.pick("ENDPOINTS", globals.endpoints.as_ref(), |text| Ok(vec![text.to_owned()]))?;
        let command_timeout =
            env.pick("COMMAND_TIMEOUT", globals.command_timeout.as_ref(), duration::parse)?;
        let dial_timeout =
            env.pick("DIAL_TIMEOUT", globals.dial_timeout.as_ref(), duration::parse)?;
        let keepalive_time =
            env.pick("KEEPALIVE_TIME", globals.keepalive_time.as_ref(), duration::parse)?;
        let keepalive_timeout =
            env.pick("KEEPALIVE_TIMEOUT", globals.keepalive_timeout.as_ref(), duration::parse)?;
        let format = env.pick("WRITE_OUT", globals.write_out.as_ref(), word)?;
        let hex = env.pick("HEX", globals.hex.as_ref(), number::parse_bool)?;
        let debug = env.pick("DEBUG", globals.debug.as_ref(), number::parse_bool)?;
        let request = env.pick(
            "MAX_REQUEST_BYTES",
            globals.max_request_bytes.as_ref(),
            number::parse_flag_int,
        )?;
        let response =
            env.pick("MAX_RECV_BYTES", globals.max_recv_bytes.as_ref(), number::parse_flag_int)?;
        let user = env.pick("USER", globals.user.as_ref(), word)?;
        let password = env.pick("PASSWORD", globals.password.as_ref(), word)?;
        let insecure = env.pick(
            "INSECURE_TRANSPORT",
            globals.insecure_transport.as_ref(),
            number::parse_bool,
        )?;
        let cluster = match cluster {
            Some(flag) => env.pick("CLUSTER", flag.as_ref(), number::parse_bool)?,
            None => None,
        };
        env.refuse_protection(&globals.protection)?;
        env.warn_of_the_rest();

        if insecure == Some(false) {
            return Err(not_protected("--insecure-transport=false"));
        }
        let settings = Settings {
            endpoints: endpoints
                .map_or_else(|| vec!["127.0.0.1:2379".to_owned()], |lists| split(&lists)),
            command_timeout: command_timeout.unwrap_or(Duration::from_secs(5)),
            dial_timeout: dial_timeout.unwrap_or(Duration::from_secs(2)),
            keepalive_time: keepalive_time.unwrap_or(Duration::from_secs(2)),
            keepalive_timeout: keepalive_timeout.unwrap_or(Duration::from_secs(6)),
            max_request_bytes: bytes(request, DEFAULT_REQUEST_BYTES),
            max_recv_bytes: bytes(response, DEFAULT_RESPONSE_BYTES),
            user: credentials(user.unwrap_or_default(), password.unwrap_or_default())?,
            output: Output {
                format: Format::parse(format.as_deref().unwrap_or("simple"))?,
                hex: hex.unwrap_or(false),
                value_only: false,
            },
            cluster: cluster.unwrap_or(false),
        };
        if debug == Some(true) {
            settings.tell();
        }
        Ok(settings)
    }

    /// Prints what is in force, for people who wonder where a value came from.
    fn tell(&self) {
        terminal::note(format_args!("endpoints={}", self.endpoints.join(",")));
        terminal::note(format_args!("command-timeout={}", duration::format(self.command_timeout)));
        terminal::note(format_args!("dial-timeout={}", duration::format(self.dial_timeout)));
        terminal::note(format_args!("write-out={:?} hex={}", self.output.format, self.output.hex));
        if let Some((name, _)) = &self.user {
            terminal::note(format_args!("user={name}"));
        }
    }
}

impl Environment {
    /// The flag, or else the variable.
    fn pick<T: Clone>(
        &mut self,
        name: &str,
        flag: Option<&T>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        let mut found = flag.cloned();
        for prefix in PREFIXES {
            let variable = format!("{prefix}{name}");
            let Some(value) = self.get(&variable) else { continue };
            if flag.is_some() {
                let flag_name = name.to_ascii_lowercase().replace('_', "-");
                return Err(Failure::new(
                    Exit::Error,
                    format!(
                        "{variable} is set and --{flag_name} is given: unset the variable or leave out the flag"
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
        Ok(found)
    }

    fn get(&self, name: &str) -> Option<String> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// A flag or a variable that asks for protection must not be passed over.
    fn refuse_protection(&self, flags: &Protection) -> Result<(), Failure> {
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
                let variable = format!("{prefix}{}", name.to_uppercase().replace('-', "_"));
                if self.get(&variable).is_some_and(|value| !value.is_empty()) {
                    return Err(not_protected(&variable));
                }
            }
        }
        Ok(())
    }

    fn warn_of_the_rest(&self) {
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

/// The failure of whoever asks for protection that does not exist.
pub fn not_protected(what: &str) -> Failure {
    Failure::new(
        Exit::BadArguments,
        format!("{what} is not supported: kvctl has no TLS, no tokens and no discovery yet"),
    )
    .with_hint("take an http:// endpoint, and --user for authentication")
}

fn split(lists: &[String]) -> Vec<String> {
    lists
        .iter()
        .flat_map(|list| list.split(','))
        .map(|endpoint| endpoint.trim().to_owned())
        .filter(|endpoint| !endpoint.is_empty())
        .collect()
}

fn bytes(flag: Option<i64>, default: usize) -> usize {
    match flag {
        Some(limit) if limit > 0 => usize::try_from(limit).unwrap_or(usize::MAX),
        _ => default,
    }
}

fn credentials(user: String, password: String) -> Result<Option<(String, String)>, Failure> {
    if user.is_empty() {
        return Ok(None);
    }
    if !password.is_empty() {
        return Ok(Some((user, password)));
    }
    match user.split_once(':') {
        Some((name, password)) => Ok(Some((name.to_owned(), password.to_owned()))),
        None => Err(Failure::new(Exit::BadArguments, format!("no password for the user {user}"))
            .with_hint("give --user name:password, or --password, or KVCTL_PASSWORD")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(globals: &Globals, variables: &[(&str, &str)]) -> Result<Settings, Failure> {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::resolve_in(globals, None, variables.collect())
    }

    #[test]
    fn our_variable_wins_over_etcdctls() {
        let settings = resolve(
            &Globals::default(),
            &[("ETCDCTL_ENDPOINTS", "a:1"), ("KVCTL_ENDPOINTS", "b:2, c:3"), ("ETCDCTL_HEX", "1")],
        )
        .expect("all can be read");
        assert_eq!(settings.endpoints, ["b:2", "c:3"]);
        assert!(settings.output.hex);
    }

    #[test]
    fn a_flag_beside_its_variable_is_refused() {
        let globals = Globals { endpoints: Some(vec!["a:1".to_owned()]), ..Globals::default() };
        let failure = resolve(&globals, &[("ETCDCTL_ENDPOINTS", "")]).expect_err("both are given");
        assert_eq!(failure.exit, Exit::Error);
        assert!(failure.words().contains("ETCDCTL_ENDPOINTS is set and --endpoints is given"));
    }

    #[test]
    fn what_cannot_be_read_counts_as_absent() {
        let settings = resolve(&Globals::default(), &[("ETCDCTL_DIAL_TIMEOUT", "soon")])
            .expect("it is ignored");
        assert_eq!(settings.dial_timeout, Duration::from_secs(2));
    }

    #[test]
    fn protection_is_refused_not_ignored() {
        let failure =
            resolve(&Globals::default(), &[("ETCDCTL_CACERT", "ca.pem")]).expect_err("no TLS");
        assert_eq!(failure.exit, Exit::BadArguments);
        let globals = Globals { insecure_transport: Some(false), ..Globals::default() };
        assert!(resolve(&globals, &[]).is_err());
        let protection = Protection { cert: Some("me.pem".to_owned()), ..Protection::default() };
        let failure =
            resolve(&Globals { protection, ..Globals::default() }, &[]).expect_err("no TLS");
        assert!(failure.words().starts_with("--cert is not supported"));
    }

    #[test]
    fn passwords_come_with_the_user_or_beside_it() {
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(credentials("root:a:b".into(), String::new()), Ok(pair("root", "a:b")));
        assert_eq!(credentials("root".into(), "x".into()), Ok(pair("root", "x")));
        assert_eq!(credentials(String::new(), "x".into()), Ok(None));
        assert!(credentials("root".into(), String::new()).is_err());
    }
}
