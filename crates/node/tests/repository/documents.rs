//! The documents speak of what is there.

use super::sources::{self, Source};

/// What begins a path of this repository in a text.
const FOLDERS: &[&str] = &["crates/", "docs/", "proto/", "scripts/", ".ci/"];

#[test]
fn what_the_documents_name_exists() {
    let exists = |path: &str| sources::root().join(path).exists();
    for document in documents() {
        assert_eq!(missing(&document, &exists), Vec::<String>::new());
    }
}

#[test]
fn every_file_of_the_core_is_mapped_to_the_paper() {
    let map = sources::read("docs/paper-to-code.md");
    for source in sources::files(&["crates/raft-core/src"], "rs") {
        let name = source.path.trim_start_matches("crates/raft-core/src/");
        let is_folder = name.ends_with("/mod.rs");
        assert!(
            is_folder || map.text.contains(&format!("`{name}`")),
            "{} has no row for `{name}`: say which section it implements",
            map.path
        );
    }
}

#[test]
fn a_name_without_a_file_is_reported() {
    let exists = |path: &str| ["docs/a.md", "docs/adr", "docs/adr/b.md", "c.md"].contains(&path);
    let names = |path: &str, text: &str| {
        missing(&Source { path: path.to_owned(), text: text.to_owned() }, &exists)
    };
    let none: [&str; 0] = [];

    assert_eq!(names("c.md", "see `docs/a.md`, [a](docs/a.md#part), [web](https://x.y/z)"), none);
    assert_eq!(names("docs/a.md", "see [b](adr/b.md), [c](../c.md) and [below](#part)"), none);
    assert_eq!(names("c.md", "`docs/x.md`"), ["c.md names docs/x.md, which does not exist"]);
    assert_eq!(
        names("docs/a.md", "[b](b.md)"),
        ["docs/a.md names docs/b.md, which does not exist"]
    );
}

/// All documents, those in the root included.
fn documents() -> Vec<Source> {
    let mut documents = sources::files(&["docs", "crates"], "md");
    let in_root =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
    documents.extend(in_root.iter().map(|path| sources::read(path)));
    documents
}

/// Paths that the document names, as code or as the target of a link, and that
/// do not exist.
fn missing(document: &Source, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let folder = document.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let as_code = between(&document.text, '`', '`')
        .into_iter()
        .filter(|name| FOLDERS.iter().any(|folder| name.starts_with(folder)))
        .filter(|name| !name.contains([' ', '*', '<', 'N']))
        .map(|name| name.split("::").next().unwrap_or(name).trim_end_matches('/').to_owned());
    let as_links = document
        .text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or(target))
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .map(|target| resolve(folder, target));
    as_code
        .chain(as_links)
        .filter(|path| !exists(path))
        .map(|path| format!("{} names {path}, which does not exist", document.path))
        .collect()
}

/// The pieces of each line that stand between two marks.
fn between(text: &str, open: char, close: char) -> Vec<&str> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some((_, after)) = rest.split_once(open) {
            let Some((piece, after)) = after.split_once(close) else { break };
            found.push(piece);
            rest = after;
        }
    }
    found
}

/// A relative link's target, named from the root.
fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}
