//! What the program says of itself.

use std::env::consts::{ARCH, OS};
use std::fmt::Write as _;

use balsa::api::{API_VERSION, BALSA_VERSION};

use crate::flags::{DevSettings, describe_all};

/// The versions. The first line is the one that scripts look for.
pub fn version() -> String {
    format!("etcd Version: {API_VERSION}\nBalsa Version: {BALSA_VERSION}\nOS/Arch: {OS}/{ARCH}\n")
}

/// How the program is used.
pub fn usage() -> String {
    let mut text = String::from(
        "Usage:\n\
         \n\
         \x20 balsa [flags]      Run a node.\n\
         \x20 balsa --version    Tell the versions.\n\
         \x20 balsa dev [flags]  Run a cluster on this machine; `balsa dev --help` tells more.\n\
         \n\
         Flags are those of etcd. Each can be set as a variable, ETCD_NAME for --name, or\n\
         in a file, --config-file PATH. Without any, a single node serves clients at\n\
         http://localhost:2379.\n\
         \n\
         Flags that are followed:\n\n",
    );
    list(&mut text, describe_all());
    text
}

/// How `balsa dev` is used.
pub fn dev_usage() -> String {
    let mut text = String::from(
        "Usage:\n\
         \n\
         \x20 balsa dev [flags]  Run a cluster on this machine, to try things with.\n\
         \n\
         The nodes are processes of their own. Their data and logs are kept in one folder,\n\
         and are there again next time; Ctrl-C stops all. The first node serves clients at\n\
         the base port and peers at the next one, the second one 10 above, and so on.\n\
         \n\
         Flags:\n\n",
    );
    list(&mut text, DevSettings::describe());
    text
}

fn list(
    text: &mut String,
    flags: impl Iterator<Item = (&'static str, &'static str, &'static str)>,
) {
    for (name, what, default) in flags {
        let default = if default.is_empty() { String::new() } else { format!(" ({default})") };
        // Writing to a string never fails.
        let _ = writeln!(text, "  --{name}\n        {what}{default}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_etcd_is_found_by_scripts() {
        let version = version();
        let line = version.lines().find_map(|line| line.strip_prefix("etcd Version: "));
        let parts: Vec<&str> = line.expect("the line is there").split('.').collect();
        assert_eq!(parts.len(), 3);
        assert!(parts.iter().all(|part| part.parse::<u32>().is_ok()));
    }

    #[test]
    fn the_usage_lists_flags_with_their_defaults() {
        let usage = usage();
        let told = "  --heartbeat-interval\n        ms between two heartbeats (100)\n";
        assert!(usage.contains(told), "{usage}");
        assert!(!usage.contains("--cert-file"), "it is not followed");
    }
}
