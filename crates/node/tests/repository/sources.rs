//! Finds and reads the files of the repository.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// A text file of the repository.
pub struct Source {
    /// Its path from the root, with `/` between the parts.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// The root of the repository.
pub fn root() -> PathBuf {
    crate_folder().ancestors().nth(2).expect("crates/node lies two folders deep").to_owned()
}

/// This crate's folder as cargo names it now: in a target folder that checkouts share,
/// another of them may have compiled this.
fn crate_folder() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

/// Reads a file, named from the root.
pub fn read(path: &str) -> Source {
    let text = fs::read_to_string(root().join(path))
        .unwrap_or_else(|error| panic!("{path} cannot be read: {error}"));
    Source { path: path.to_owned(), text }
}

/// All files with this extension below the folders, named from the root, in
/// the order of their names. Folders that are not there hold no files.
pub fn files(folders: &[&str], extension: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in folders {
        collect(&root().join(folder), extension, &mut paths);
    }
    paths.sort();
    let root = root();
    let name = |path: &PathBuf| {
        let path = path.strip_prefix(&root).expect("found below the root");
        path.to_str().expect("names are UTF-8").to_owned()
    };
    paths.iter().map(|path| read(&name(path))).collect()
}

/// The Rust source of all crates, their tests included.
pub fn rust() -> Vec<Source> {
    let sources = files(&["crates", "proto", "examples"], "rs");
    assert!(sources.len() > 50, "only {} source files were found", sources.len());
    sources
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            if !path.ends_with("target") {
                collect(&path, extension, found);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}
