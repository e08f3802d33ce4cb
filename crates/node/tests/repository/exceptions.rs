//! Exceptions from the lints, and tests that do not run: each says why.

use std::collections::BTreeMap;

use super::sources::{self, Source};

/// The attributes that make an exception.
const KINDS: &[&str] = &["allow(", "expect(", "ignore"];

/// An attribute that makes an exception.
#[derive(Debug, PartialEq, Eq)]
struct Exception {
    kind: &'static str,
    /// Where it stands, as `path:line`.
    place: String,
    /// Whether it has `reason = "…"`, or a comment before it or on its line.
    has_reason: bool,
}

#[test]
fn every_exception_has_its_reason_beside_it() {
    let exceptions: Vec<Exception> = sources::rust().iter().flat_map(exceptions).collect();
    let mut counts: BTreeMap<&str, usize> = KINDS.iter().map(|kind| (*kind, 0)).collect();
    for exception in &exceptions {
        *counts.entry(exception.kind).or_default() += 1;
    }
    for (kind, count) in counts {
        println!("exceptions: {count} of #[{}]", kind.trim_end_matches('('));
    }
    let bare = exceptions.iter().filter(|exception| !exception.has_reason);
    let bare: Vec<String> = bare.map(|found| format!("{}: {}", found.place, found.kind)).collect();
    assert!(
        bare.is_empty(),
        "add `reason = \"…\"` or a comment to each of these:\n  {}",
        bare.join("\n  ")
    );
}

#[test]
fn an_exception_without_a_reason_is_reported() {
    let found = |text: &str| {
        let source = Source { path: "a.rs".into(), text: text.replace('@', "#") };
        exceptions(&source)
            .into_iter()
            .map(|found| (found.kind, found.place, found.has_reason))
            .collect::<Vec<_>>()
    };
    let one = |kind, place: &str, has_reason| vec![(kind, place.to_owned(), has_reason)];

    assert_eq!(found("fn a() {}\n@[allow(dead_code)]\n"), one("allow(", "a.rs:2", false));
    assert_eq!(found("@![allow(dead_code)]\n"), one("allow(", "a.rs:1", false));
    assert_eq!(found("@[test]\n@[ignore]\n"), one("ignore", "a.rs:2", false));
    assert_eq!(found("@[cfg_attr(x, allow(y))]\n"), one("allow(", "a.rs:1", false));
    assert_eq!(found("@[ignore = \"slow\"]\n"), one("ignore", "a.rs:1", true));
    assert_eq!(found("@[allow(a)] // Generated.\n"), one("allow(", "a.rs:1", true));
    assert_eq!(found("// As in the paper.\n@[expect(a)]\n"), one("expect(", "a.rs:2", true));
    assert_eq!(found("/// Documents.\n@[expect(a)]\n"), one("expect(", "a.rs:2", false));
    let on_lines = "@[expect(\n    a,\n    reason = \"why\"\n)]\n";
    assert_eq!(found(on_lines), one("expect(", "a.rs:1", true));
    assert_eq!(found("@[derive(Debug)]\nx.expect(\"y\");\n"), vec![]);
}

/// The exceptions of a file. An attribute is looked for where a line begins with it.
fn exceptions(source: &Source) -> Vec<Exception> {
    let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        if !line.starts_with("#[") && !line.starts_with("#![") {
            continue;
        }
        let length = lines[number..].iter().position(|line| line.contains(']')).unwrap_or(0);
        let attribute = lines[number..=number + length].join(" ");
        let Some(kind) = KINDS.iter().find(|kind| is_of_kind(&attribute, kind)) else { continue };
        let comment_before = number.checked_sub(1).is_some_and(|before| is_comment(lines[before]));
        let explains = ["reason = \"", "ignore = \"", "] //"];
        let has_reason = comment_before || explains.iter().any(|sign| attribute.contains(sign));
        found.push(Exception {
            kind,
            place: format!("{}:{}", source.path, number + 1),
            has_reason,
        });
    }
    found
}

/// Whether the attribute is, or within `cfg_attr` holds, one of that kind.
fn is_of_kind(attribute: &str, kind: &str) -> bool {
    let inner = attribute.trim_start_matches(['#', '!', '[']);
    inner.starts_with(kind)
        || (inner.starts_with("cfg_attr(") && inner.contains(&format!(", {kind}")))
}

/// A comment that speaks to who reads the code; a doc comment speaks to others.
fn is_comment(line: &str) -> bool {
    line.starts_with("//") && !line.starts_with("///") && !line.starts_with("//!")
}
