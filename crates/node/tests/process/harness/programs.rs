//! The programs that the tests start.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The variable that names another node program to run the tests on.
const OTHER_PROGRAM: &str = "PROCESS_TESTS_ON";

/// The node program that is tested.
pub fn balsa() -> PathBuf {
    env::var_os(OTHER_PROGRAM).map_or_else(|| env!("CARGO_BIN_EXE_balsa").into(), PathBuf::from)
}

/// The folder with `etcd` and `etcdctl` of the version that is compared with,
/// built when it is first asked for.
pub fn etcd_tools() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build)
}

/// A library that is loaded before all else, of one C file in this crate.
pub fn library(source: &str) -> PathBuf {
    let source = crate_folder().join(source);
    let name = source.file_stem().expect("a file has a name").display();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Of this process alone: another may load its own while this one is written.
    let library = folder.join(format!("{name}-{}.so", std::process::id()));
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&library)
        .arg(&source)
        .output()
        .expect("cc can be started: sudo apt-get install -y gcc");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} does not compile:\n{errors}", source.display());
    library
}

/// This crate's folder as cargo names it now: in a target folder that checkouts share,
/// another of them may have compiled this.
fn crate_folder() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

fn build() -> PathBuf {
    let crate_folder = crate_folder();
    let root = crate_folder.ancestors().nth(2).expect("crates/node lies two folders deep");
    // Beside the tests' own binary, wherever cargo's target folder is.
    let target = Path::new(env!("CARGO_BIN_EXE_balsa")).ancestors().nth(2);
    let target = target.expect("target/release/balsa lies two folders deep");
    let output = Command::new(root.join("scripts/etcd"))
        .arg(target.join("etcd"))
        .output()
        .expect("scripts/etcd can be started");
    assert!(
        output.status.success(),
        "etcd could not be built, and without it nothing is compared:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let folder = String::from_utf8(output.stdout).expect("a path in UTF-8");
    PathBuf::from(folder.trim_end())
}
