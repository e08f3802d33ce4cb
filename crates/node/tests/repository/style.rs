//! Limits and words of the source.

use super::sources::{self, Source};

/// The longest file, in lines: beyond that two nouns share a room.
const MAX_LINES: usize = 500;

/// Words that must not stand in the code of some folders; comments may use them.
struct Ban {
    folders: &'static [&'static str],
    /// Parts of these folders that are exempt.
    but: &'static [&'static str],
    words: &'static [&'static str],
    why: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        folders: &["crates/raft-core/src/", "crates/node/src/driver/"],
        but: &[],
        words: &["async fn", "std::thread", "tokio", "tracing::", "println!"],
        why: "the protocol and the driver have no threads and no I/O",
    },
    Ban {
        folders: &[
            "crates/raft-core/src/",
            "crates/node/src/driver/",
            "crates/kv-statemachine/src/",
            "crates/sim/src/",
        ],
        but: &[],
        words: &["HashMap", "HashSet", "Instant::now", "SystemTime", "rand::", "thread_rng"],
        why: "the same input must give the same output, byte for byte",
    },
    Ban {
        folders: &[
            "crates/raft-core/",
            "crates/raft-storage/",
            "crates/kv-statemachine/",
            "crates/node/src/driver/",
            "crates/sim/",
        ],
        but: &["crates/kv-statemachine/src/codec/"],
        words: &["prost::", "proto::"],
        why: "generated types stop at the codecs",
    },
    Ban {
        folders: &["crates/", "proto/"],
        but: &["crates/node/tests/repository/"],
        words: &["dbg!(", "todo!(", "unimplemented!(", "unsafe {"],
        why: "what is built is built whole",
    },
];

#[test]
fn files_are_short() {
    for source in sources::rust() {
        assert_eq!(too_long(&source), None);
    }
}

#[test]
fn banned_words_do_not_occur() {
    let sources = sources::rust();
    let found: Vec<String> = sources.iter().flat_map(|source| banned_words(source, BANS)).collect();
    assert!(found.is_empty(), "\n  {}", found.join("\n  "));
}

#[test]
fn a_long_file_is_reported() {
    let path = "crates/a/src/b.rs".to_owned();
    let exactly = Source { path: path.clone(), text: "x\n".repeat(MAX_LINES) };
    assert_eq!(too_long(&exactly), None);
    let longer = Source { path, text: "x\n".repeat(MAX_LINES + 1) };
    let message = too_long(&longer).expect("501 lines are too many");
    assert!(message.starts_with("crates/a/src/b.rs has 501 lines"), "{message}");
}

#[test]
fn a_banned_word_is_reported_where_it_stands() {
    let bans = [Ban { folders: &["core/"], but: &["core/codec/"], words: &["tokio"], why: "pure" }];
    let text = "// tokio is not used\nlet a = 1; // nor tokio here\nuse tokio::spawn;\n";
    let source = |path: &str| Source { path: path.to_owned(), text: text.to_owned() };
    assert_eq!(banned_words(&source("core/a.rs"), &bans), ["core/a.rs:3 says `tokio`: pure"]);
    assert_eq!(banned_words(&source("core/codec/a.rs"), &bans), Vec::<String>::new());
    assert_eq!(banned_words(&source("other/a.rs"), &bans), Vec::<String>::new());
    let longer = Source { path: "core/a.rs".into(), text: "use mytokio::spawn;\n".into() };
    assert_eq!(banned_words(&longer, &bans), Vec::<String>::new(), "a longer word is another");
    let in_a_text = Source { path: "core/a.rs".into(), text: "a(\"http://b\", tokio)".into() };
    assert_eq!(banned_words(&in_a_text, &bans).len(), 1, "a // within a string is no comment");
}

fn too_long(source: &Source) -> Option<String> {
    let lines = source.text.lines().count();
    let generated = source.path.contains("/tests/generated/");
    (lines > MAX_LINES && !generated)
        .then(|| format!("{} has {lines} lines, {MAX_LINES} are allowed: split it", source.path))
}

fn banned_words(source: &Source, bans: &[Ban]) -> Vec<String> {
    let lies_in = |folders: &[&str]| folders.iter().any(|folder| source.path.starts_with(folder));
    let mut found = Vec::new();
    for ban in bans.iter().filter(|ban| lies_in(ban.folders) && !lies_in(ban.but)) {
        for (number, line) in source.text.lines().enumerate() {
            let code = without_comment(line);
            for word in ban.words.iter().filter(|word| says(code, word)) {
                found.push(format!("{}:{} says `{word}`: {}", source.path, number + 1, ban.why));
            }
        }
    }
    found
}

/// Whether the code holds the word, and not as the end of a longer one.
fn says(code: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(word).any(|(at, _)| !code[..at].ends_with(is_part))
}

/// A line up to its comment. Two slashes after an odd number of quotes are taken
/// for a part of a string.
fn without_comment(line: &str) -> &str {
    line.match_indices("//")
        .find(|(at, _)| line[..*at].matches('"').count().is_multiple_of(2))
        .map_or(line, |(at, _)| &line[..at])
}
