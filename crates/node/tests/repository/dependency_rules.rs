//! Dependencies point one way.
//!
//! ```text
//!   raft-core ◀── raft-storage ◀── raft-net ◀─────── node ◀── sim
//!                      ▲                              │
//!                      └──────── kv-statemachine ◀────┘
//! ```
//!
//! Checked are normal dependencies, however many crates lie between. They are
//! asked of `cargo tree`, one package at a time: `cargo metadata` unites the
//! features of all members, and the simulator would seem to stand on tokio only
//! because somebody else wants the gRPC transport.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use super::sources;

/// Who depends on whom, by package name.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// What one package may reach.
struct Rule {
    package: &'static str,
    /// How it is built, as arguments to cargo.
    features: &'static [&'static str],
    /// Our own packages that it may reach.
    ours: &'static [&'static str],
    /// What it may reach of others' packages.
    others: Others,
}

enum Others {
    /// These alone.
    Only(&'static [&'static str]),
    /// All but these.
    AllBut(&'static [&'static str]),
}

/// What would bring threads, sockets, clocks or chance to where none belong.
const IMPURE: Others = Others::AllBut(&[
    "fastrand",
    "getrandom",
    "hyper",
    "librocksdb-sys",
    "mio",
    "rand",
    "rand_core",
    "rocksdb",
    "tokio",
    "tonic",
    "tracing",
]);

const DEFAULTS: &[&str] = &[];
const BARE: &[&str] = &["--no-default-features"];

const RULES: &[Rule] = &[
    Rule { package: "balsa-proto", features: DEFAULTS, ours: &[], others: IMPURE },
    Rule {
        package: "balsa-raft-core",
        features: &["--all-features"],
        ours: &[],
        others: Others::Only(&["bytes"]),
    },
    Rule {
        package: "balsa-raft-storage",
        features: BARE,
        ours: &["balsa-raft-core"],
        others: IMPURE,
    },
    Rule {
        package: "balsa-raft-storage",
        features: DEFAULTS,
        ours: &["balsa-raft-core"],
        others: Others::AllBut(&["hyper", "tokio", "tonic"]),
    },
    Rule {
        package: "balsa-raft-net",
        features: BARE,
        ours: &["balsa-proto", "balsa-raft-core", "balsa-raft-storage"],
        others: IMPURE,
    },
    Rule {
        package: "balsa-raft-net",
        features: DEFAULTS,
        ours: &["balsa-proto", "balsa-raft-core", "balsa-raft-storage"],
        others: Others::AllBut(&["librocksdb-sys", "rocksdb"]),
    },
    Rule {
        package: "balsa-kv-statemachine",
        features: DEFAULTS,
        ours: &["balsa-proto", "balsa-raft-core", "balsa-raft-storage"],
        others: IMPURE,
    },
    // The driver: it knows the trait of the state machine, not the key-value store.
    Rule {
        package: "balsa-node",
        features: BARE,
        ours: &["balsa-proto", "balsa-raft-core", "balsa-raft-net", "balsa-raft-storage"],
        others: IMPURE,
    },
    Rule {
        package: "balsa-node",
        features: DEFAULTS,
        ours: &[
            "balsa-kv-statemachine",
            "balsa-proto",
            "balsa-raft-core",
            "balsa-raft-net",
            "balsa-raft-storage",
        ],
        others: Others::AllBut(&[]),
    },
    // It measures nodes from outside: what it shared with them it could not judge.
    Rule {
        package: "balsa-bench",
        features: DEFAULTS,
        ours: &["balsa-proto"],
        others: Others::AllBut(&["librocksdb-sys", "rocksdb"]),
    },
    // A client like any other: all it knows of a node is the protocol.
    Rule {
        package: "balsa-cli",
        features: DEFAULTS,
        ours: &["balsa-proto"],
        others: Others::AllBut(&["librocksdb-sys", "rocksdb"]),
    },
    // What users copy must not need a compiler for C++.
    Rule {
        package: "balsa-examples",
        features: DEFAULTS,
        ours: &[
            "balsa-kv-statemachine",
            "balsa-node",
            "balsa-proto",
            "balsa-raft-core",
            "balsa-raft-net",
            "balsa-raft-storage",
        ],
        others: Others::AllBut(&["librocksdb-sys", "rocksdb"]),
    },
    Rule {
        package: "balsa-sim",
        features: &["--all-features"],
        ours: &[
            "balsa-kv-statemachine",
            "balsa-node",
            "balsa-proto",
            "balsa-raft-core",
            "balsa-raft-net",
            "balsa-raft-storage",
        ],
        others: IMPURE,
    },
];

#[test]
fn dependencies_point_one_way() {
    for rule in RULES {
        let graph = graph_of(rule.package, rule.features);
        assert!(graph.contains_key(rule.package), "cargo tree did not list {}", rule.package);
        let broken = violations(&graph, rule);
        assert!(broken.is_empty(), "dependencies break the rules:\n  {}", broken.join("\n  "));
    }
}

#[test]
fn every_package_has_a_rule() {
    for manifest in sources::files(&["crates", "examples", "proto"], "toml") {
        let Some(name) = manifest.text.lines().find_map(|line| line.strip_prefix("name = ")) else {
            continue;
        };
        let name = name.trim_matches('"');
        assert!(
            RULES.iter().any(|rule| rule.package == name),
            "{} has no rule: say in RULES what {name} may depend on",
            manifest.path
        );
    }
}

#[test]
fn a_broken_graph_is_reported() {
    let rule = Rule {
        package: "core",
        features: DEFAULTS,
        ours: &["balsa-proto"],
        others: Others::AllBut(&["tokio"]),
    };
    let good = graph(&[("core", "helper"), ("core", "balsa-proto"), ("helper", "bytes")]);
    assert_eq!(violations(&good, &rule), Vec::<String>::new());

    let through_another = graph(&[("core", "helper"), ("helper", "pool"), ("pool", "tokio")]);
    assert_eq!(
        violations(&through_another, &rule),
        ["core must not reach tokio, but: core -> helper -> pool -> tokio"]
    );

    let own = graph(&[("core", "balsa-proto"), ("balsa-proto", "balsa-node")]);
    assert_eq!(
        violations(&own, &rule),
        ["core must not reach balsa-node, but: core -> balsa-proto -> balsa-node"]
    );

    let only = Rule { others: Others::Only(&["bytes"]), ..rule };
    assert_eq!(violations(&good, &only), ["core must not reach helper, but: core -> helper"]);

    let in_a_circle = graph(&[("core", "helper"), ("helper", "core"), ("helper", "bytes")]);
    assert_eq!(violations(&in_a_circle, &only).len(), 1);
}

#[test]
fn a_tree_is_read_with_its_edges() {
    let tree = "0a v1 (/x)\n1b v1\n2c v2 (proc-macro)\n1c v2 (proc-macro) (*)\n2d v1\n";
    assert_eq!(parse_tree(tree), graph(&[("a", "b"), ("b", "c"), ("a", "c"), ("c", "d")]));
}

/// Everything that the rule's package reaches and should not, each with a way there.
fn violations(graph: &Graph, rule: &Rule) -> Vec<String> {
    paths_from(graph, rule.package)
        .into_iter()
        .filter(|(reached, _)| !allows(rule, reached))
        .map(|(reached, path)| {
            format!("{} must not reach {reached}, but: {}", rule.package, path.join(" -> "))
        })
        .collect()
}

fn allows(rule: &Rule, reached: &str) -> bool {
    if reached == rule.package {
        return true;
    }
    if reached.starts_with("balsa-") {
        return rule.ours.contains(&reached);
    }
    match rule.others {
        Others::Only(allowed) => allowed.contains(&reached),
        Others::AllBut(forbidden) => !forbidden.contains(&reached),
    }
}

/// Everything that can be reached, each with a shortest path.
fn paths_from(graph: &Graph, start: &str) -> BTreeMap<String, Vec<String>> {
    let mut paths = BTreeMap::from([(start.to_owned(), vec![start.to_owned()])]);
    let mut frontier = vec![start.to_owned()];
    while !frontier.is_empty() {
        let mut next = Vec::new();
        for package in frontier {
            let path = paths[&package].clone();
            for dependency in graph.get(&package).into_iter().flatten() {
                if !paths.contains_key(dependency) {
                    let mut path = path.clone();
                    path.push(dependency.clone());
                    paths.insert(dependency.clone(), path);
                    next.push(dependency.clone());
                }
            }
        }
        frontier = next;
    }
    paths
}

fn graph_of(package: &str, features: &[&str]) -> Graph {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--quiet", "--edges", "normal", "--prefix", "depth", "--package", package])
        .args(features)
        .current_dir(sources::root())
        .output()
        .expect("cargo can be started");
    assert!(
        output.status.success(),
        "cargo tree of {package} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    parse_tree(&String::from_utf8(output.stdout).expect("cargo writes UTF-8"))
}

/// Reads lines such as `2bytes v1.12.1 (*)`: depth, name, and what does not matter.
fn parse_tree(tree: &str) -> Graph {
    let mut graph = Graph::new();
    let mut ancestors: Vec<String> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let (depth, rest) = line.split_at(digits);
        let depth: usize = depth.parse().expect("each line begins with its depth");
        let name = rest.split(' ').next().expect("split gives one part at least");
        ancestors.truncate(depth);
        if let Some(parent) = ancestors.last() {
            graph.entry(parent.clone()).or_default().insert(name.to_owned());
        }
        graph.entry(name.to_owned()).or_default();
        ancestors.push(name.to_owned());
    }
    graph
}

fn graph(edges: &[(&str, &str)]) -> Graph {
    let mut graph = Graph::new();
    for (from, to) in edges {
        graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        graph.entry((*to).to_owned()).or_default();
    }
    graph
}
