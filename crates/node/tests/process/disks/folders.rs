//! Data folders that a node must not start with, or may.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bench::process::{Process, Spec};

use super::super::harness::{LIMIT, Load, Record, Town};

const WAY_OUT: &str = "remove this member from the cluster and add it anew with an empty folder";
/// What the log writes at least, in bytes.
const SECTOR: usize = 512;

const OWN_FOLDER: &str = "give this node its own data folder";

/// A node of its own with some writes, that has been killed.
async fn killed_after(writes: usize) -> (Town, PathBuf, Record) {
    let mut town = Town::start(1, &[]).await;
    let load = Load::start("folder", &town.endpoints(), 4);
    load.wait_for(writes).await;
    town.kill().expect("the node can be killed");
    let record = load.stop().await;
    let folder = town.folder().join("n1");
    (town, folder, record)
}

/// Starts the node, which has to refuse with all of these words.
#[track_caller]
fn refuses(process: &mut Process, words: &[&str]) {
    process.start().expect("it starts");
    let status = process.wait(LIMIT).expect("it ends by itself");
    let log = process.log_end();
    let last = log.lines().last().unwrap_or_default();
    assert_eq!(status.code(), Some(1), "{log}");
    for word in ["the node does not start"].iter().chain(words) {
        assert!(last.contains(word), "{word:?} is not in {last}");
    }
}

/// The only file of the log, and how much of it is written.
fn log_file(folder: &Path) -> (PathBuf, usize) {
    let files = fs::read_dir(folder.join("log")).expect("there is a log");
    let files = files.map(|file| file.expect("it can be listed").path());
    let mut files: Vec<_> = files.filter(|path| path.metadata().unwrap().len() > 1 << 20).collect();
    let file = files.pop().expect("there is a segment");
    assert!(files.is_empty(), "there is one segment, not {files:?} too");
    let bytes = fs::read(&file).expect("it can be read");
    let written = bytes.iter().rposition(|byte| *byte != 0).expect("it holds something") + 1;
    (file, written)
}

fn overwrite(path: &Path, offset: usize, bytes: &[u8]) {
    let file = fs::OpenOptions::new().write(true).open(path).expect("it can be opened");
    file.write_all_at(bytes, offset as u64).expect("it can be written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_in_the_middle_of_the_log_is_refused() {
    let (mut town, folder, _) = killed_after(500).await;
    let (file, written) = log_file(&folder);
    // Between the records there are zeros that mean nothing.
    let bytes = fs::read(&file).expect("it can be read");
    let middle = (written / 2..).find(|at| bytes[*at] != 0).expect("there is more");
    overwrite(&file, middle, &[!bytes[middle]]);
    let name = file.display().to_string();
    refuses(town.process(0), &[&name, "is corrupt at byte", WAY_OUT]);
    refuses(town.process(0), &["is corrupt at byte"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_last_record_of_the_log_is_cut_off() {
    let (mut town, folder, record) = killed_after(500).await;
    let (file, written) = log_file(&folder);
    // Over the mark of a pause, if there was one: as the next record would be torn.
    let sector = (written - 1) / SECTOR * SECTOR;
    overwrite(&file, sector, &[0xa5; 100]);
    town.start_all().await;
    let log = town.process(0).log_end();
    let opened = log.lines().rfind(|line| line.contains("node opened")).expect("it says so");
    assert!(!opened.contains("\"cut_off_bytes\":0"), "nothing was cut off: {opened}");
    // What is torn was not synced, as far as the disk can tell: one group at most.
    let lost = town.missing(&record).await;
    assert!(lost.len() <= 4, "more than the last group is lost: {lost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_refused() {
    let (mut town, folder, _) = killed_after(500).await;
    // An orderly stop writes the state out.
    town.start_all().await;
    town.process(0).stop(LIMIT).expect("it stops");
    let mut tables = Vec::new();
    for database in fs::read_dir(folder.join("state")).expect("there is a state") {
        let path = database.expect("it can be listed").path();
        if path.is_dir() {
            let files = fs::read_dir(path).expect("a database is a folder");
            tables.extend(files.map(|file| file.expect("it can be listed").path()));
        }
    }
    tables.retain(|file| file.extension().is_some_and(|ending| ending == "sst"));
    assert!(!tables.is_empty(), "the state was written out");
    for table in &tables {
        let middle = fs::metadata(table).expect("it is there").len() as usize / 2;
        overwrite(table, middle.saturating_sub(64), &[0xa5; 128]);
    }
    let state = folder.join("state").display().to_string();
    refuses(town.process(0), &[&state, "is corrupt at byte", WAY_OUT]);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_of_others_and_of_newer_versions_are_refused() {
    let mut town = Town::start(3, &[]).await;
    town.wait_leader().await;
    town.kill().expect("all nodes can be killed");
    let state = |node: usize| town.folder().join(format!("n{node}/state"));
    let (own, others) = (state(1), state(2));
    let own_name = own.display().to_string();
    let aside = town.folder().join("aside");

    // Another node's.
    fs::rename(&own, &aside).expect("it can be moved");
    copy(&others, &own);
    refuses(town.process(0), &[&own_name, "it belongs to node", OWN_FOLDER]);
    fs::remove_dir_all(&own).expect("it can be removed");
    fs::rename(&aside, &own).expect("it can be moved");

    // Another cluster's, and one of a newer format.
    let identity = own.join("identity");
    let whole = fs::read(&identity).expect("it has an identity");
    for (at, why) in [(28, "it belongs to cluster"), (8, "format")] {
        let mut changed = whole.clone();
        changed[at] = changed[at].wrapping_add(1);
        let body = changed.len() - 4;
        let checksum = crc32c(&changed[..body]).to_le_bytes();
        changed[body..].copy_from_slice(&checksum);
        fs::write(&identity, changed).expect("it can be written");
        refuses(town.process(0), &[&own_name, why]);
    }
    fs::write(&identity, &whole).expect("it can be written");

    // In use by another process.
    town.start_all().await;
    let spec = town.process(1).spec().clone();
    let mut args = spec.args.clone();
    let at = args.iter().position(|arg| arg == "--data-dir").expect("it has a folder");
    args[at + 1] = town.folder().join("n1").into_os_string();
    for arg in &mut args {
        let text = arg.to_str().expect("an argument is text");
        // Ports of its own: the second node's are taken.
        *arg = text.replace(":2389", ":3389").replace(":2390", ":3390").into();
    }
    let log = town.folder().join("second.log");
    let mut second = Process::new(Spec { name: "second".to_owned(), args, log, ..spec });
    refuses(&mut second, &["another process uses it; stop that one first"]);
}

/// Not even the first look at a folder on a disk that only reads writes anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_refused() {
    let (mut town, folder, record) = killed_after(500).await;
    let spec = town.process(0).spec().clone();
    let script = format!(
        "mount --bind '{0}' '{0}' && mount -o remount,bind,ro '{0}' && exec \"$@\"",
        folder.display()
    );
    let mut args: Vec<_> = ["--mount", "sh", "-c", &script, "sh"].map(Into::into).to_vec();
    args.push(spec.program.clone().into_os_string());
    args.extend(spec.args.clone());
    let can_mount = Command::new("unshare").args(["--mount", "true"]).status();
    let can_mount = can_mount.expect("unshare is there, of util-linux").success();
    assert!(can_mount, "this test mounts a folder for reading only, and has to run as root");
    let log = town.folder().join("reading.log");
    let mut reading = Process::new(Spec {
        name: "reading".to_owned(),
        program: "unshare".into(),
        args,
        log,
        ..spec
    });
    let name = folder.display().to_string();
    refuses(&mut reading, &[&name, "Read-only file system"]);
    town.start_all().await;
    town.verify(&record).await;
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.expect("cp is there").success(), "{} is not copied", from.display());
}

/// The checksum of an identity, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let fold = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 }
        })
    };
    !bytes.iter().fold(u32::MAX, fold)
}
