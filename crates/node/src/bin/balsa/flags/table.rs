//! Every flag: those of etcd 3.7 by the same names, and a few of Balsa's own.

/// A flag of the command line, the environment and the configuration file.
#[derive(Debug)]
pub struct Flag {
    /// Its name, without dashes.
    pub name: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// What it is if nobody says anything.
    pub default: &'static str,
    /// What becomes of it.
    pub role: Role,
}

/// What a flag's value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// `true` or `false`; the name alone means `true`.
    Bool,
    /// A whole number.
    Number,
    /// A time, as `1h2m3.5s`.
    Time,
}

/// What becomes of a flag's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is followed. Says what it is.
    Used(&'static str),
    /// It means nothing here: taken, and told.
    NoEffect,
    /// It promises something that is not built: any other value than the default
    /// is refused. Says what is missing.
    Missing(&'static str),
}

use Kind::{Bool, Number, Text, Time};
use Role::{Missing, NoEffect, Used};

const TLS: &str = "TLS is not built yet";
const JOINING: &str = "discovery is not built; name the members with --initial-cluster";

const fn flag(name: &'static str, kind: Kind, default: &'static str, role: Role) -> Flag {
    Flag { name, kind, default, role }
}

/// All of them.
pub const FLAGS: &[Flag] = &[
    // The member.
    flag("name", Text, "default", Used("the name of this member, unique in its cluster")),
    flag("data-dir", Text, "", Used("where everything is kept; NAME.balsa if not set")),
    flag("wal-dir", Text, "", Missing("the log has no folder of its own; it is in --data-dir")),
    flag(
        "listen-peer-urls",
        Text,
        "http://localhost:2380",
        Used("where to listen for the other members"),
    ),
    flag("listen-client-urls", Text, "http://localhost:2379", Used("where to listen for clients")),
    flag(
        "listen-client-http-urls",
        Text,
        "",
        Used("where to serve HTTP; --listen-client-urls are for gRPC alone then"),
    ),
    flag("listen-metrics-urls", Text, "", Used("where to serve metrics and health checks besides")),
    flag("snapshot-count", Number, "", Used("entries after which a snapshot is taken")),
    flag("heartbeat-interval", Number, "100", Used("ms between two heartbeats")),
    flag(
        "election-timeout",
        Number,
        "1000",
        Used("ms without a heartbeat until a follower stands for election"),
    ),
    flag("max-txn-ops", Number, "128", Used("steps in each branch of a transaction")),
    flag("max-request-bytes", Number, "1572864", Used("bytes of a request")),
    flag(
        "max-concurrent-streams",
        Number,
        "4294967295",
        Used("requests that one connection may have open"),
    ),
    flag(
        "grpc-keepalive-interval",
        Time,
        "2h",
        Used("silence after which a connection is asked whether it lives; 0: never"),
    ),
    flag("grpc-keepalive-timeout", Time, "20s", Used("how long it has to answer")),
    flag(
        "grpc-keepalive-min-time",
        Time,
        "5s",
        Used("how far apart the pings of a client must be"),
    ),
    flag(
        "quota-backend-bytes",
        Text,
        "0",
        Used("bytes of state with which puts are refused; 0 or negative: no bound"),
    ),
    flag("max-snapshots", Number, "5", NoEffect),
    flag("max-wals", Number, "5", NoEffect),
    flag("initial-election-tick-advance", Bool, "true", NoEffect),
    flag("backend-bbolt-freelist-type", Text, "", NoEffect),
    flag("backend-batch-interval", Time, "0s", NoEffect),
    flag("backend-batch-limit", Number, "0", NoEffect),
    flag("socket-reuse-port", Bool, "false", NoEffect),
    flag("socket-reuse-address", Bool, "false", NoEffect),
    flag("raft-read-timeout", Time, "5s", NoEffect),
    flag("raft-write-timeout", Time, "5s", NoEffect),
    flag("memory-mlock", Bool, "false", Missing("memory is not locked")),
    // The cluster.
    flag(
        "initial-advertise-peer-urls",
        Text,
        "http://localhost:2380",
        Used("where the other members reach this one"),
    ),
    flag(
        "advertise-client-urls",
        Text,
        "http://localhost:2379",
        Used("where clients reach this member"),
    ),
    flag(
        "initial-cluster",
        Text,
        "",
        Used("all members that found the cluster, or that it has: NAME=URL,NAME=URL"),
    ),
    flag(
        "initial-cluster-state",
        Text,
        "new",
        Used("new, or existing to join a cluster that runs"),
    ),
    flag(
        "initial-cluster-token",
        Text,
        "etcd-cluster",
        Used("keeps clusters with the same addresses apart"),
    ),
    flag("pre-vote", Bool, "true", Used("ask the others before standing for election")),
    flag(
        "strict-reconfig-check",
        Bool,
        "true",
        Used("refuse changes of members that endanger the majority"),
    ),
    flag("max-learners", Number, "1", Used("how many members without a vote there may be")),
    flag("snapshot-catchup-entries", Number, "5000", NoEffect),
    flag("discovery-endpoints", Text, "", Missing(JOINING)),
    flag("discovery-token", Text, "", Missing(JOINING)),
    flag("discovery-srv", Text, "", Missing(JOINING)),
    flag("discovery-srv-name", Text, "", Missing(JOINING)),
    flag("discovery-fallback", Text, "exit", Missing(JOINING)),
    flag("discovery-user", Text, "", Missing(JOINING)),
    flag("discovery-password", Text, "", Missing(JOINING)),
    flag("discovery-cert", Text, "", Missing(JOINING)),
    flag("discovery-key", Text, "", Missing(JOINING)),
    flag("discovery-cacert", Text, "", Missing(JOINING)),
    flag("discovery-dial-timeout", Time, "2s", NoEffect),
    flag("discovery-request-timeout", Time, "5s", NoEffect),
    flag("discovery-keepalive-time", Time, "2s", NoEffect),
    flag("discovery-keepalive-timeout", Time, "6s", NoEffect),
    flag("discovery-insecure-transport", Bool, "true", NoEffect),
    flag("discovery-insecure-skip-tls-verify", Bool, "false", NoEffect),
    // Protection.
    flag("cert-file", Text, "", Missing(TLS)),
    flag("key-file", Text, "", Missing(TLS)),
    flag("client-cert-file", Text, "", Missing(TLS)),
    flag("client-key-file", Text, "", Missing(TLS)),
    flag("client-cert-auth", Bool, "false", Missing(TLS)),
    flag("client-crl-file", Text, "", Missing(TLS)),
    flag("client-cert-allowed-hostname", Text, "", Missing(TLS)),
    flag("trusted-ca-file", Text, "", Missing(TLS)),
    flag("auto-tls", Bool, "false", Missing(TLS)),
    flag("peer-cert-file", Text, "", Missing(TLS)),
    flag("peer-key-file", Text, "", Missing(TLS)),
    flag("peer-client-cert-file", Text, "", Missing(TLS)),
    flag("peer-client-key-file", Text, "", Missing(TLS)),
    flag("peer-client-cert-auth", Bool, "false", Missing(TLS)),
    flag("peer-trusted-ca-file", Text, "", Missing(TLS)),
    flag("peer-auto-tls", Bool, "false", Missing(TLS)),
    flag("peer-crl-file", Text, "", Missing(TLS)),
    flag("peer-cert-allowed-cn", Text, "", Missing(TLS)),
    flag("peer-cert-allowed-hostname", Text, "", Missing(TLS)),
    flag("peer-skip-client-san-verification", Bool, "false", Missing(TLS)),
    flag("self-signed-cert-validity", Number, "1", Missing(TLS)),
    flag("cipher-suites", Text, "", Missing(TLS)),
    flag("tls-min-version", Text, "TLS1.2", Missing(TLS)),
    flag("tls-max-version", Text, "", Missing(TLS)),
    flag("cors", Text, "*", Missing("origins are not checked yet")),
    flag("host-whitelist", Text, "*", Missing("host names are not checked yet")),
    flag("auth-token", Text, "simple", Missing("users and roles are not built yet")),
    flag("auth-token-ttl", Number, "300", NoEffect),
    flag("bcrypt-cost", Number, "10", NoEffect),
    // Logs and metrics.
    flag("logger", Text, "zap", NoEffect),
    flag("log-level", Text, "info", Used("debug, info, warn or error")),
    flag("log-format", Text, "json", Used("json, or console for people")),
    flag("log-outputs", Text, "default", Used("stderr, stdout or files, with commas between them")),
    flag("enable-log-rotation", Bool, "false", Missing("log files are not rotated")),
    flag("log-rotation-config-json", Text, "", NoEffect),
    flag("metrics", Text, "basic", Used("basic, or extensive for latencies of each method")),
    flag("enable-pprof", Bool, "false", NoEffect),
    flag("enable-distributed-tracing", Bool, "false", Missing("tracing is not built yet")),
    flag("distributed-tracing-address", Text, "localhost:4317", NoEffect),
    flag("distributed-tracing-service-name", Text, "etcd", NoEffect),
    flag("distributed-tracing-instance-id", Text, "", NoEffect),
    flag("distributed-tracing-sampling-rate", Number, "0", NoEffect),
    flag("warning-apply-duration", Time, "100ms", NoEffect),
    flag("warning-unary-request-duration", Time, "300ms", NoEffect),
    // Upkeep.
    flag("auto-compaction-mode", Text, "periodic", Used("periodic or revision")),
    flag(
        "auto-compaction-retention",
        Text,
        "0",
        Missing("history is not compacted by itself yet; use the command `compaction`"),
    ),
    flag("compaction-batch-limit", Number, "0", NoEffect),
    flag("compaction-sleep-interval", Time, "0s", NoEffect),
    flag("corrupt-check-time", Time, "0s", Missing("members are not compared yet")),
    flag("compact-hash-check-time", Time, "1m", NoEffect),
    flag("watch-progress-notify-interval", Time, "0s", NoEffect),
    flag("downgrade-check-time", Time, "5s", NoEffect),
    flag("bootstrap-defrag-threshold-megabytes", Number, "0", NoEffect),
    flag("enable-grpc-gateway", Bool, "true", NoEffect),
    flag("feature-gates", Text, "", NoEffect),
    flag("v2-deprecation", Text, "not-yet", NoEffect),
    // Dangerous ones.
    flag(
        "force-new-cluster",
        Bool,
        "false",
        Missing("making a new cluster of a member is not built"),
    ),
    flag("unsafe-no-fsync", Bool, "false", NoEffect),
    // What etcd takes without a word.
    flag("force", Text, "", NoEffect),
    flag("snapshot", Text, "", NoEffect),
    flag("max-result-buffer", Text, "", NoEffect),
    flag("max-retry-attempts", Text, "", NoEffect),
    flag("retry-interval", Text, "", NoEffect),
    flag("peer-heartbeat-interval", Text, "", NoEffect),
    flag("peer-election-timeout", Text, "", NoEffect),
    flag("cluster-active-size", Text, "", NoEffect),
    flag("cluster-remove-delay", Text, "", NoEffect),
    flag("cluster-sync-interval", Text, "", NoEffect),
    // The process.
    flag("config-file", Text, "", Used("a YAML file that alone counts")),
    flag("version", Bool, "false", Used("tell the versions")),
    // Balsa's own.
    flag(
        "disk-reserve-bytes",
        Text,
        "auto",
        Used(
            "puts are refused with less room than this on the disk; auto: a twentieth of it, 256 MiB at most; 0: never",
        ),
    ),
    flag(
        "state-in-memory",
        Bool,
        "false",
        Used("keep the state in memory, and make it anew from snapshot and log"),
    ),
    flag(
        "stop-with-stdin",
        Bool,
        "false",
        Used("stop when standard input ends, and hand nothing over"),
    ),
];

/// Finds a flag by its name.
pub fn find(name: &str) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_there_twice() {
        let names: std::collections::BTreeSet<&str> = FLAGS.iter().map(|flag| flag.name).collect();
        assert_eq!(names.len(), FLAGS.len());
    }
}
