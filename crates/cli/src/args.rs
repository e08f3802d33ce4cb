//! The command line: global flags, and the commands with their own.
//!
//! Flags behave as those of etcdctl: a boolean takes a value only behind `=`, a value
//! may begin with a dash, a repeated flag counts the last time, and flags may stand
//! between and behind the arguments. Keys and values are bytes, whatever the locale.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::go::duration::parse as duration;
use crate::go::number::{parse_bool as boolean, parse_flag_int as number};

/// Reads and writes the keys of a Balsa or etcd cluster, and shows its state.
#[derive(Debug, Parser)]
#[command(
    name = "kvctl",
    args_override_self = true,
    after_help = "Each global option can be set by the environment too: KVCTL_ENDPOINTS or ETCDCTL_ENDPOINTS for --endpoints; and by a line of the configuration file: endpoints: [10.0.0.1:2379, 10.0.0.2:2379]. A flag goes before the environment, and that before the file."
)]
pub struct Args {
    /// Flags that every command takes.
    #[command(flatten)]
    pub globals: Globals,

    /// What to do; help is printed if there is nothing.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags that every command takes. Absent ones are looked for in the environment.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Globals {
    /// The configuration file (default: kvctl/config.yaml in $XDG_CONFIG_HOME or ~/.config).
    #[arg(long, global = true, value_name = "FILE", allow_hyphen_values = true)]
    pub config: Option<PathBuf>,

    /// Servers to talk to, separated by commas (default: 127.0.0.1:2379).
    #[arg(long, global = true, value_name = "ADDRESSES", allow_hyphen_values = true, action = clap::ArgAction::Append)]
    pub endpoints: Option<Vec<String>>,

    /// Time for the whole command (default: 5s).
    #[arg(long, global = true, value_parser = duration, allow_hyphen_values = true)]
    pub command_timeout: Option<Duration>,

    /// Time for one attempt to connect (default: 2s).
    #[arg(long, global = true, value_parser = duration, allow_hyphen_values = true)]
    pub dial_timeout: Option<Duration>,

    /// Time between pings on an open connection (default: 2s).
    #[arg(long, global = true, value_parser = duration, allow_hyphen_values = true)]
    pub keepalive_time: Option<Duration>,

    /// Time after which an unanswered ping ends the connection (default: 6s).
    #[arg(long, global = true, value_parser = duration, allow_hyphen_values = true)]
    pub keepalive_timeout: Option<Duration>,

    /// Output format: simple, json, table, fields or protobuf (default: simple).
    #[arg(short = 'w', long, global = true, value_name = "FORMAT", allow_hyphen_values = true)]
    pub write_out: Option<String>,

    /// Print keys and values, or ids, in hexadecimal.
    #[arg(long, global = true, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub hex: Option<bool>,

    /// Print the settings in force before anything else.
    #[arg(long, global = true, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub debug: Option<bool>,

    /// Longest request in bytes that is sent; 0 means 2 MiB.
    #[arg(long, global = true, value_name = "BYTES", value_parser = number, allow_hyphen_values = true)]
    pub max_request_bytes: Option<i64>,

    /// Longest answer in bytes that is taken; 0 means 2 GiB.
    #[arg(long, global = true, value_name = "BYTES", value_parser = number, allow_hyphen_values = true)]
    pub max_recv_bytes: Option<i64>,

    /// User, or user:password, to authenticate as.
    #[arg(long, global = true, allow_hyphen_values = true)]
    pub user: Option<String>,

    /// Password of --user.
    #[arg(long, global = true, allow_hyphen_values = true)]
    pub password: Option<String>,

    /// Whether connections go without TLS; only true is possible yet.
    #[arg(long, global = true, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub insecure_transport: Option<bool>,

    /// Flags of etcdctl that have no effect without discovery.
    #[command(flatten)]
    pub idle: Idle,

    /// Flags of etcdctl that promise a protection which this client does not have.
    #[command(flatten)]
    pub protection: Protection,
}

/// Flags that are taken because scripts give them.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Idle {
    /// Whether discovery may name servers without TLS.
    #[arg(long, global = true, hide = true, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub insecure_discovery: Option<bool>,

    /// The service that discovery asks for.
    #[arg(long, global = true, hide = true, allow_hyphen_values = true)]
    pub discovery_srv_name: Option<String>,
}

/// Flags that are known in order to be refused with a reason.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Protection {
    /// A client certificate.
    #[arg(long, global = true, hide = true, allow_hyphen_values = true)]
    pub cert: Option<String>,

    /// Its key.
    #[arg(long, global = true, hide = true, allow_hyphen_values = true)]
    pub key: Option<String>,

    /// Certificates of the authorities that servers are trusted by.
    #[arg(long, global = true, hide = true, allow_hyphen_values = true)]
    pub cacert: Option<String>,

    /// Whether certificates go unchecked.
    #[arg(long, global = true, hide = true, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub insecure_skip_tls_verify: Option<bool>,

    /// A token to authenticate with.
    #[arg(long, global = true, hide = true, allow_hyphen_values = true)]
    pub auth_jwt_token: Option<String>,

    /// A domain whose records name the servers.
    #[arg(short = 'd', long, global = true, hide = true, allow_hyphen_values = true)]
    pub discovery_srv: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Puts a key; the value comes from standard input if it is not given.
    Put(PutArgs),
    /// Gets a key or a range of keys.
    Get(GetArgs),
    /// Deletes a key or a range of keys.
    Del(DelArgs),
    /// Reads a transaction from standard input and commits it.
    Txn(TxnArgs),
    /// Compacts the history up to a revision.
    Compaction(CompactionArgs),
    /// Shows the alarms of the cluster, and lifts them.
    Alarm(AlarmArgs),
    /// Gives back the space of what was deleted and compacted, at each endpoint.
    Defrag(DefragArgs),
    /// Asks each endpoint for its health, status or hash.
    Endpoint(EndpointArgs),
    /// Shows the members of the cluster, and changes them.
    Member(MemberArgs),
    /// Prints a script that completes command lines in a shell.
    Completion(CompletionArgs),
    /// Hands the leadership over to another member.
    MoveLeader(MoveLeaderArgs),
    /// Prints the version of this client and of the API that it speaks.
    Version(VersionArgs),
    /// Any other word, which may be short for a command.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// `put KEY [VALUE]`
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "put", args_override_self = true)]
pub struct PutArgs {
    /// The key, and its value unless that comes from standard input.
    #[arg(value_name = "KEY VALUE")]
    pub words: Vec<OsString>,

    /// Lease to attach the key to, in hexadecimal; 0 is none.
    #[arg(long, default_value = "0", allow_hyphen_values = true)]
    pub lease: String,

    /// Return the version that is replaced.
    #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub prev_kv: bool,

    /// Keep the value that the key has.
    #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub ignore_value: bool,

    /// Keep the lease that the key has.
    #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub ignore_lease: bool,
}

/// `get KEY [RANGE_END]`
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "get", args_override_self = true)]
pub struct GetArgs {
    /// The key, and the end of the range (exclusive) if it is one.
    #[arg(value_name = "KEY RANGE_END")]
    pub words: Vec<OsString>,

    /// l: linearizable, s: serializable, answered at once by the server that is asked.
    #[arg(long, default_value = "l", allow_hyphen_values = true)]
    pub consistency: String,

    /// Order of the results: ASCEND or DESCEND.
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub order: String,

    /// What to sort by: CREATE, KEY, MODIFY, VALUE or VERSION.
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub sort_by: String,

    /// Most results to return; 0 is no limit.
    #[arg(long, default_value = "0", value_parser = number, allow_hyphen_values = true)]
    pub limit: i64,

    /// All keys that begin with the key.
    #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub prefix: bool,

    /// All keys from the key on, by byte order.
    #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub from_key: bool,

    /// Read as of this revision; 0 is the latest.
    #[arg(long, default_value = "0", value_parser = number, allow_hyphen_values = true)]
    pub rev: i64,

    /// Leave the values out.
    #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub keys_only: bool,

    /// Only the number of keys (with --write-out=fields).
    #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub count_only: bool,

    /// Print values without keys (with --write-out=simple).
    #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub print_value_only: bool,

    /// Only keys created at this revision or later.
    #[arg(long, default_value = "0", value_parser = number, allow_hyphen_values = true)]
    pub min_create_rev: i64,

    /// Only keys created at this revision or earlier.
    #[arg(long, default_value = "0", value_parser = number, allow_hyphen_values = true)]
    pub max_create_rev: i64,

    /// Only keys modified at this revision or later.
    #[arg(long, default_value = "0", value_parser = number, allow_hyphen_values = true)]
    pub min_mod_rev: i64,

    /// Only keys modified at this revision or earlier.
    #[arg(long, default_value = "0", value_parser = number, allow_hyphen_values = true)]
    pub max_mod_rev: i64,

    /// Let the server send the results in parts.
    #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub stream: bool,
}

/// `del KEY [RANGE_END]`
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "del", args_override_self = true)]
pub struct DelArgs {
    /// The key, and the end of the range (exclusive) if it is one.
    #[arg(value_name = "KEY RANGE_END")]
    pub words: Vec<OsString>,

    /// All keys that begin with the key.
    #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub prefix: bool,

    /// Return the versions that are deleted.
    #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub prev_kv: bool,

    /// All keys from the key on, by byte order.
    #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub from_key: bool,

    /// A range is meant: do not wait before it is deleted.
    #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub range: bool,
}

/// `txn`
#[derive(Clone, Debug, Parser)]
pub struct TxnArgs {
    /// Takes none.
    #[arg(hide = true)]
    pub words: Vec<OsString>,

    /// Say what is expected before each part.
    #[arg(short, long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub interactive: bool,
}

/// `compaction REVISION`
#[derive(Clone, Debug, Parser)]
pub struct CompactionArgs {
    /// The revision.
    #[arg(value_name = "REVISION")]
    pub words: Vec<OsString>,

    /// Wait until the old versions are gone from the disk.
    #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub physical: bool,
}

/// `alarm list|disarm`
#[derive(Clone, Debug, Parser)]
#[command(infer_subcommands = true)]
pub struct AlarmArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<AlarmCommand>,
}

/// What can be done about alarms.
#[derive(Clone, Debug, Subcommand)]
pub enum AlarmCommand {
    /// All that are raised, with the member that each is about.
    List {
        /// Takes none.
        #[arg(hide = true)]
        words: Vec<OsString>,
    },
    /// Lifts all.
    Disarm {
        /// Takes none.
        #[arg(hide = true)]
        words: Vec<OsString>,
    },
    /// Any other word.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// `defrag`
#[derive(Clone, Debug, Parser)]
pub struct DefragArgs {
    /// Ask all members that the cluster lists, not only the endpoints given.
    #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub cluster: Option<bool>,

    /// Ignored, as etcdctl does.
    #[arg(hide = true)]
    pub words: Vec<OsString>,
}

/// `endpoint health|status|hashkv`
#[derive(Clone, Debug, Parser)]
#[command(infer_subcommands = true)]
pub struct EndpointArgs {
    /// Ask all members that the cluster lists, not only the endpoints given.
    #[arg(long, global = true, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub cluster: Option<bool>,

    /// What to ask for.
    #[command(subcommand)]
    pub command: Option<EndpointCommand>,
}

/// What an endpoint can be asked for.
#[derive(Clone, Debug, Subcommand)]
pub enum EndpointCommand {
    /// Whether a linearizable read goes through, and no alarm is raised.
    Health {
        /// Ignored, as etcdctl does.
        #[arg(hide = true)]
        words: Vec<OsString>,
    },
    /// Version, size, leader, term and index.
    Status {
        /// Ignored, as etcdctl does.
        #[arg(hide = true)]
        words: Vec<OsString>,
    },
    /// The hash of all versions of all keys.
    Hashkv {
        /// Ignored, as etcdctl does.
        #[arg(hide = true)]
        words: Vec<OsString>,
        /// The last revision to hash; 0 is the latest.
        #[arg(long, default_value = "0", value_parser = number, allow_hyphen_values = true)]
        rev: i64,
    },
    /// Anything else: help is printed.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// `member list|add|remove|update|promote`
#[derive(Clone, Debug, Parser)]
#[command(infer_subcommands = true)]
pub struct MemberArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<MemberCommand>,
}

/// What can be asked about members.
#[derive(Clone, Debug, Subcommand)]
pub enum MemberCommand {
    /// All members with their addresses.
    List {
        /// Ignored, as etcdctl does.
        #[arg(hide = true)]
        words: Vec<OsString>,
        /// l: linearizable, s: serializable, what the server that is asked knows.
        #[arg(long, default_value = "l", allow_hyphen_values = true)]
        consistency: String,
    },
    /// Adds a member; it is to be started after that, with what is printed.
    Add {
        /// Its name.
        #[arg(value_name = "NAME")]
        words: Vec<OsString>,
        /// Where the other members reach it, with commas between the URLs.
        #[arg(long, default_value = "", allow_hyphen_values = true)]
        peer_urls: String,
        /// Give it no vote until it is promoted.
        #[arg(long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
        learner: bool,
    },
    /// Removes a member for good; it stops by itself.
    Remove {
        /// Its id, in hexadecimal.
        #[arg(value_name = "ID")]
        words: Vec<OsString>,
    },
    /// Says where the other members reach one from now on.
    Update {
        /// Its id, in hexadecimal.
        #[arg(value_name = "ID")]
        words: Vec<OsString>,
        /// Where, with commas between the URLs.
        #[arg(long, default_value = "", allow_hyphen_values = true)]
        peer_urls: String,
    },
    /// Gives a learner that has caught up a vote.
    Promote {
        /// Its id, in hexadecimal.
        #[arg(value_name = "ID")]
        words: Vec<OsString>,
    },
    /// Anything else: help is printed.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// `completion bash|zsh|fish|powershell`
#[derive(Clone, Debug, Parser)]
#[command(
    after_help = "For the shell that runs: source <(kvctl completion bash). For every one: kvctl completion bash > /etc/bash_completion.d/kvctl, kvctl completion zsh > \"${fpath[1]}/_kvctl\", kvctl completion fish > ~/.config/fish/completions/kvctl.fish."
)]
pub struct CompletionArgs {
    /// The shell: bash, zsh, fish or powershell.
    #[arg(value_name = "SHELL")]
    pub words: Vec<OsString>,
}

/// `move-leader ID`
#[derive(Clone, Debug, Parser)]
pub struct MoveLeaderArgs {
    /// The id of the member that is to lead, in hexadecimal.
    #[arg(value_name = "ID")]
    pub words: Vec<OsString>,
}

/// `version`
#[derive(Clone, Debug, Parser)]
pub struct VersionArgs {
    /// Ignored, as etcdctl does.
    #[arg(hide = true)]
    pub words: Vec<OsString>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        super::Args::command().debug_assert();
    }
}
