//! What the program is told: by its command line, its environment, or a file.
//!
//! A flag of the command line goes before the same one of the environment
//! (`ETCD_NAME` for `--name`). Where a configuration file is named, it alone
//! counts. Three kinds of flags are known: those that are followed, those that mean
//! nothing here (taken, and told in the log), and those that promise something that
//! is not built: they are refused, because nobody should believe to have what is
//! not there.

mod args;
mod cluster;
mod dev;
mod error;
mod file;
mod settings;
mod table;
mod time;
mod url;
mod values;

use std::collections::BTreeMap;
use std::path::Path;

pub use dev::DevSettings;
pub use error::FlagError;
pub use settings::{ClusterState, LogFormat, Settings};

use values::Values;

/// What to do.
#[derive(Debug)]
pub enum Task {
    /// Tell how the program is used.
    Help,
    /// Tell the versions.
    Version,
    /// Run a node; with what the log should say about its flags.
    Serve(Box<Settings>, Vec<String>),
}

/// Reads the command line (the program's name left out) and the environment.
pub fn read(
    line: impl IntoIterator<Item = String>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Task, FlagError> {
    let line = args::parse(line, table::FLAGS)?;
    if line.help {
        return Ok(Task::Help);
    }
    let mut warnings = Vec::new();
    let from_environment = of_environment(environment, &mut warnings);
    let given: BTreeMap<&'static str, String> =
        from_environment.into_iter().chain(line.flags).collect();
    let mut values = Values::new(given);
    if values.switch("version")? {
        return Ok(Task::Version);
    }
    let path = values.text("config-file").to_owned();
    if !path.is_empty() {
        warnings.push(format!("only {path} counts, flags and environment do not"));
        values = Values::new(file::read(Path::new(&path))?.into_iter().collect());
    }
    values.check(&mut warnings)?;
    let settings = Settings::new(&values)?;
    Ok(Task::Serve(Box::new(settings), warnings))
}

/// The flags of a node that are followed: name, what they are, default.
pub fn describe_all() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    describe(table::FLAGS)
}

fn describe(
    flags: &'static [table::Flag],
) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    flags.iter().filter_map(|flag| match flag.role {
        table::Role::Used(what) => Some((flag.name, what, flag.default)),
        table::Role::NoEffect | table::Role::Missing(_) => None,
    })
}

/// The variables that are flags. Others that look like some are told.
fn of_environment(
    environment: impl IntoIterator<Item = (String, String)>,
    warnings: &mut Vec<String>,
) -> Vec<(&'static str, String)> {
    let mut flags = Vec::new();
    for (variable, value) in environment {
        let Some(name) = variable.strip_prefix("ETCD_") else { continue };
        let name = name.to_lowercase().replace('_', "-");
        match table::find(&name) {
            Some(flag) if flag.name == "version" => {
                warnings.push(format!("the variable {variable} cannot be set"));
            }
            // An empty variable counts as none.
            Some(_) if value.is_empty() => {}
            Some(flag) => flags.push((flag.name, value)),
            None => warnings.push(format!("the variable {variable} is not known")),
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(line: &str, environment: &[(&str, &str)]) -> Result<Task, FlagError> {
        let environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read(line.split_whitespace().map(str::to_owned), environment)
    }

    fn served(line: &str, environment: &[(&str, &str)]) -> (Settings, Vec<String>) {
        match task(line, environment).expect("it can be followed") {
            Task::Serve(settings, warnings) => (*settings, warnings),
            other => panic!("it should serve: {other:?}"),
        }
    }

    #[test]
    fn the_command_line_goes_before_the_environment() {
        let environment = [("ETCD_NAME", "e"), ("ETCD_MAX_TXN_OPS", "7"), ("HOME", "/")];
        let (settings, warnings) = served("--name l", &environment);
        assert_eq!((settings.name.as_str(), settings.txn_ops), ("l", 7));
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn strange_variables_are_told() {
        let environment = [("ETCD_NOME", "e"), ("ETCD_VERSION", "1"), ("ETCD_CERT_FILE", "")];
        let (_, warnings) = served("", &environment);
        let expected =
            ["the variable ETCD_NOME is not known", "the variable ETCD_VERSION cannot be set"];
        assert_eq!(warnings, expected);
    }

    #[test]
    fn a_file_counts_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("balsa.yaml");
        std::fs::write(&path, "max-txn-ops: 9").expect("a file");
        let line = format!("--config-file {} --name l", path.display());
        let (settings, warnings) = served(&line, &[("ETCD_NAME", "e")]);
        assert_eq!((settings.name.as_str(), settings.txn_ops), ("default", 9));
        assert_eq!(warnings.len(), 1);
        let missing = task("--config-file /nowhere/balsa.yaml", &[]);
        assert!(missing.is_err_and(|error| error.to_string().contains("cannot read")));
    }

    #[test]
    fn what_means_nothing_is_told_and_what_is_missing_refused() {
        let (_, warnings) = served("--max-wals 9 --max-snapshots 5", &[]);
        assert_eq!(warnings, ["--max-wals has no effect"]);
        let refused = task("--client-cert-auth", &[]).expect_err("it protects nothing");
        assert!(refused.to_string().contains("TLS is not built yet"), "{refused}");
        let (_, warnings) = served("--client-cert-auth=false", &[]);
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn help_and_version_need_nothing_else() {
        assert!(matches!(task("--help", &[]), Ok(Task::Help)));
        assert!(matches!(task("--version --client-cert-auth", &[]), Ok(Task::Version)));
        assert!(matches!(task("--version=maybe", &[]), Err(FlagError::Invalid(_))));
    }
}
