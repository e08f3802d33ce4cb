//! File systems of a few megabytes.
//!
//! Each is a tmpfs that lies over a node's data folder, in a mount namespace of its own
//! that a process of the test keeps open, so that it outlives the node. The node is
//! started inside by `nsenter`, which turns into it: the process that is killed is the
//! node. The test reaches the files by the keeper's root in `/proc`.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use bench::process::{Process, Spec};
use raft_storage::files::Room;

use super::super::harness::{LIMIT, Town};

/// How much the disk has.
const BYTES: u64 = 128 << 20;

/// What is written at once to fill it.
const PIECE: usize = 256 << 10;

/// A file system under one node's data folder.
pub struct SmallDisk {
    keeper: Process,
    /// The data folder, as the test sees it.
    folder: PathBuf,
}

impl SmallDisk {
    /// Lays one under a node that does not run; it is started inside from now on.
    ///
    /// # Panics
    ///
    /// Where this process may not mount: without that nothing is tested.
    pub fn under(town: &mut Town, node: usize) -> SmallDisk {
        let folder = town.folder().join(format!("n{}", node + 1));
        fs::create_dir_all(&folder).expect("a folder can be made");
        let mount = format!(
            "mount -t tmpfs -o size={BYTES},mode=700 tmpfs '{}' && echo mounted && exec sleep infinity",
            folder.display()
        );
        let mut keeper = Process::new(Spec {
            name: format!("the keeper of the disk of n{}", node + 1),
            program: "unshare".into(),
            args: ["--mount", "sh", "-c", &mount].map(Into::into).to_vec(),
            env: Vec::new(),
            log: town.folder().join(format!("disk{}.log", node + 1)),
        });
        keeper.start().expect("unshare is there, of util-linux");
        let began = Instant::now();
        while !keeper.log_end().contains("mounted") {
            keeper.check().unwrap_or_else(|error| {
                panic!("this test mounts small file systems, and has to run as root: {error}")
            });
            assert!(began.elapsed() < LIMIT, "nothing was mounted: {}", keeper.log_end());
            std::thread::yield_now();
        }
        let pid = keeper.pid().expect("the keeper runs").to_string();
        let spec = town.process(node).spec_mut();
        let mut args: Vec<_> = ["--mount", "--target", &pid, "--"].map(Into::into).to_vec();
        args.push(spec.program.as_os_str().to_owned());
        args.append(&mut spec.args);
        spec.args = args;
        spec.program = "nsenter".into();
        let root = Path::new("/proc").join(pid).join("root");
        let folder = root.join(folder.strip_prefix("/").expect("the folder's path is absolute"));
        SmallDisk { keeper, folder }
    }

    /// How much is free, in bytes.
    pub fn free(&self) -> u64 {
        Room::at(&self.folder).expect("the disk is there").free_bytes
    }

    /// Writes a foreign file until so few bytes are free.
    pub fn fill_up_to(&self, free: u64) {
        let mut file = self.filler();
        let piece = vec![1; PIECE];
        while let Some(length) = self.free().checked_sub(free).filter(|length| *length > 0) {
            let length = usize::try_from(length).map_or(PIECE, |length| length.min(PIECE));
            match file.write(&piece[..length]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return,
                Err(error) => panic!("the disk cannot be filled: {error}"),
            }
        }
    }

    /// Removes the foreign file.
    pub fn make_room(&self) {
        fs::remove_file(self.path("filler")).expect("the foreign file is there");
    }

    /// Whether a file is there.
    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    fn filler(&self) -> File {
        let options = OpenOptions::new().append(true).create(true).open(self.path("filler"));
        options.expect("a file can be made")
    }

    fn path(&self, name: &str) -> PathBuf {
        assert!(self.keeper.is_started(), "the disk is gone");
        self.folder.join(name)
    }
}
