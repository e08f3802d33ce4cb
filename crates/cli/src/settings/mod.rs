//! The global flags as they are in force: the command line first, then the environment,
//! then the configuration file, then the defaults.
//!
//! A flag `--dial-timeout` is read from `ETCDCTL_DIAL_TIMEOUT`, and from
//! `KVCTL_DIAL_TIMEOUT`, which wins. As in etcdctl, a flag given in both places is an
//! error, a variable that cannot be read counts as absent, and an unknown one is named.
//! In the file, which etcdctl does not have ([`mod@file`]), whatever cannot be read is an
//! error.

mod file;
mod sources;

use std::time::Duration;

use crate::args::Globals;
use crate::failure::{Exit, Failure};
use crate::go::{duration, number};
use crate::print::{Format, Output};
use crate::terminal;
use sources::Sources;

/// The longest request, unless told otherwise.
pub const DEFAULT_REQUEST_BYTES: usize = 2 * 1024 * 1024;

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

impl Settings {
    /// Settings from flags and this process's environment. `cluster` is the flag of the
    /// same name, for the command that has it.
    ///
    /// # Errors
    /// A flag is given in the environment too, asks for something that this client does
    /// not have, or names no known output format; the configuration file is malformed.
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
        let mut sources = Sources::new(globals, variables)?;
        let from = &mut sources;
        let word = |text: &str| Ok(text.to_owned());

        let endpoints =
            from.pick("endpoints", globals.endpoints.as_ref(), |text| Ok(vec![text.to_owned()]))?;
        let command_timeout =
            from.pick("command-timeout", globals.command_timeout.as_ref(), duration::parse)?;
        let dial_timeout =
            from.pick("dial-timeout", globals.dial_timeout.as_ref(), duration::parse)?;
        let keepalive_time =
            from.pick("keepalive-time", globals.keepalive_time.as_ref(), duration::parse)?;
        let keepalive_timeout =
            from.pick("keepalive-timeout", globals.keepalive_timeout.as_ref(), duration::parse)?;
        let format = from.pick("write-out", globals.write_out.as_ref(), word)?;
        let hex = from.pick("hex", globals.hex.as_ref(), number::parse_bool)?;
        let debug = from.pick("debug", globals.debug.as_ref(), number::parse_bool)?;
        let request = from.pick(
            "max-request-bytes",
            globals.max_request_bytes.as_ref(),
            number::parse_flag_int,
        )?;
        let response =
            from.pick("max-recv-bytes", globals.max_recv_bytes.as_ref(), number::parse_flag_int)?;
        let user = from.pick("user", globals.user.as_ref(), word)?;
        let password = from.pick("password", globals.password.as_ref(), word)?;
        let insecure = from.pick(
            "insecure-transport",
            globals.insecure_transport.as_ref(),
            number::parse_bool,
        )?;
        let cluster = match cluster {
            Some(flag) => from.pick("cluster", flag.as_ref(), number::parse_bool)?,
            None => None,
        };
        // Without a domain to discover servers by, they mean nothing.
        from.pick(
            "insecure-discovery",
            globals.idle.insecure_discovery.as_ref(),
            number::parse_bool,
        )?;
        from.pick("discovery-srv-name", globals.idle.discovery_srv_name.as_ref(), word)?;
        let unchecked = from.pick(
            "insecure-skip-tls-verify",
            globals.protection.insecure_skip_tls_verify.as_ref(),
            number::parse_bool,
        )?;
        from.refuse_protection(&globals.protection)?;
        from.warn_of_the_rest();

        if insecure == Some(false) {
            return Err(not_protected("--insecure-transport=false"));
        }
        if unchecked == Some(true) {
            return Err(not_protected("--insecure-skip-tls-verify"));
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
    use crate::args::Protection;

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
    fn the_file_comes_after_the_environment() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, "endpoints: [f:1, f:2]\nhex: true\ndial-timeout: 7s\n")
            .expect("a file");
        let path = path.to_str().expect("a path in UTF-8");
        let globals = Globals { hex: Some(false), ..Globals::default() };
        let variables = [("KVCTL_CONFIG", path), ("ETCDCTL_DIAL_TIMEOUT", "3s")];
        let settings = resolve(&globals, &variables).expect("all can be read");
        assert_eq!(settings.endpoints, ["f:1", "f:2"]);
        assert!(!settings.output.hex, "the flag goes before the file");
        assert_eq!(settings.dial_timeout, Duration::from_secs(3));

        // The flag names another one than the environment.
        let globals = Globals { config: Some("/nowhere.yaml".into()), ..Globals::default() };
        let failure = resolve(&globals, &variables).expect_err("it is not there");
        assert!(failure.words().contains("/nowhere.yaml"), "{failure:?}");
    }

    #[test]
    fn what_is_wrong_in_the_file_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("kvctl")).expect("a folder");
        let path = folder.path().join("kvctl/config.yaml");
        for (text, message) in [
            ("hex: true\ndial-timeout: soon\n", "config.yaml, line 2: dial-timeout: "),
            ("cacert: ca.pem\n", "config.yaml, line 1: cacert: TLS, tokens"),
            ("hex: true\n\nendpont: a:1\n", "config.yaml, line 3: unknown key \"endpont\""),
        ] {
            std::fs::write(&path, text).expect("a file");
            let home = folder.path().to_str().expect("a path in UTF-8");
            let failure = resolve(&Globals::default(), &[("XDG_CONFIG_HOME", home)]);
            let failure = failure.expect_err(message);
            assert!(failure.words().contains(message), "{failure:?}");
        }
    }

    #[test]
    fn each_flag_of_etcdctl_has_its_variable() {
        let variables = [
            ("ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "false"),
            ("ETCDCTL_INSECURE_DISCOVERY", "true"),
            ("ETCDCTL_DISCOVERY_SRV_NAME", "etcd"),
            ("ETCDCTL_INSECURE_TRANSPORT", "true"),
            ("ETCDCTL_KEEPALIVE_TIME", "4s"),
            ("ETCDCTL_KEEPALIVE_TIMEOUT", "5s"),
            ("ETCDCTL_MAX_REQUEST_BYTES", "100"),
            ("ETCDCTL_MAX_RECV_BYTES", "200"),
            ("ETCDCTL_USER", "root"),
            ("ETCDCTL_PASSWORD", "secret"),
        ];
        let settings = resolve(&Globals::default(), &variables).expect("all can be read");
        assert_eq!(settings.keepalive_time, Duration::from_secs(4));
        assert_eq!(settings.keepalive_timeout, Duration::from_secs(5));
        assert_eq!((settings.max_request_bytes, settings.max_recv_bytes), (100, 200));
        assert_eq!(settings.user, Some(("root".to_owned(), "secret".to_owned())));
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
