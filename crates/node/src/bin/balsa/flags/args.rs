//! The command line, in Go's syntax: `--name x`, `--name=x`, `-name x`, and for
//! switches the name alone.

use super::error::FlagError;
use super::table::{Flag, Kind};

/// What a command line says, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Args {
    /// Flags with their values.
    pub flags: Vec<(&'static str, String)>,
    /// Whether help is asked for.
    pub help: bool,
}

/// Reads a command line of these flags, the program's name left out.
pub fn parse(
    args: impl IntoIterator<Item = String>,
    flags: &'static [Flag],
) -> Result<Args, FlagError> {
    let mut parsed = Args::default();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            return args.next().map_or(Ok(parsed), |arg| Err(not_a_flag(&arg)));
        }
        let Some(body) = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')) else {
            return Err(not_a_flag(&arg));
        };
        let (name, value) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (body, None),
        };
        if name.is_empty() || name.starts_with('-') {
            return Err(FlagError::Usage(format!("bad flag syntax: {arg}")));
        }
        let Some(flag) = flags.iter().find(|flag| flag.name == name) else {
            if matches!(name, "h" | "help") {
                parsed.help = true;
                continue;
            }
            return Err(FlagError::Usage(format!("flag provided but not defined: -{name}")));
        };
        let value = match (value, flag.kind) {
            (Some(value), _) => value,
            (None, Kind::Bool) => "true".to_owned(),
            (None, _) => args
                .next()
                .ok_or_else(|| FlagError::Usage(format!("flag needs an argument: -{name}")))?,
        };
        parsed.flags.push((flag.name, value));
    }
    Ok(parsed)
}

fn not_a_flag(arg: &str) -> FlagError {
    FlagError::Usage(format!("{arg:?} is not a valid flag"))
}

#[cfg(test)]
mod tests {
    use super::super::table::FLAGS;
    use super::*;

    fn parsed(line: &str) -> Result<Args, FlagError> {
        parse(line.split_whitespace().map(str::to_owned), FLAGS)
    }

    fn flags(line: &str) -> Vec<(&'static str, String)> {
        parsed(line).expect("the line is sound").flags
    }

    #[test]
    fn all_forms_of_go_are_understood() {
        let expected = vec![("name", "a".to_owned())];
        for line in ["--name a", "-name a", "--name=a", "-name=a", "--name a --"] {
            assert_eq!(flags(line), expected, "{line}");
        }
        assert_eq!(flags("--name="), [("name", String::new())]);
        assert_eq!(flags("--initial-cluster a=b"), [("initial-cluster", "a=b".to_owned())]);
    }

    #[test]
    fn a_switch_takes_no_word_behind_it() {
        assert_eq!(flags("--pre-vote"), [("pre-vote", "true".to_owned())]);
        assert_eq!(flags("-pre-vote=false"), [("pre-vote", "false".to_owned())]);
        assert!(parsed("--pre-vote false").is_err());
    }

    #[test]
    fn what_is_no_flag_is_refused() {
        for (line, message) in [
            ("serve", "\"serve\" is not a valid flag; see balsa --help"),
            ("-- serve", "\"serve\" is not a valid flag; see balsa --help"),
            ("--nome a", "flag provided but not defined: -nome; see balsa --help"),
            ("--name", "flag needs an argument: -name; see balsa --help"),
            ("---name a", "bad flag syntax: ---name; see balsa --help"),
            ("-", "bad flag syntax: -; see balsa --help"),
        ] {
            assert_eq!(parsed(line).map_err(|error| error.to_string()), Err(message.to_owned()));
        }
    }

    #[test]
    fn help_is_noticed() {
        assert!(parsed("-h").is_ok_and(|args| args.help));
        assert!(parsed("--name a --help").is_ok_and(|args| args.help));
    }
}
