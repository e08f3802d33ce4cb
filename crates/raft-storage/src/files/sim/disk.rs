//! A simulated disk: nodes by number, planned faults, and counters.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};

use super::node::{FileNode, FolderChange, FolderNode, Loss, Node};
use super::{Failure, Outage, SimCounters};
use crate::random::Random;

const ROOT: u64 = 0;

/// The whole disk. Every operation names the life of the process that asks: one
/// of an earlier life is refused.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    random: Random,
    nodes: BTreeMap<u64, Node>,
    next_node: u64,
    locks: BTreeSet<String>,
    life: u64,
    crashed: bool,
    crash_at: Option<u64>,
    failures: BTreeMap<u64, Failure>,
    space: Option<u64>,
    counters: SimCounters,
    /// Whether there may be nodes that no name leads to.
    may_have_garbage: bool,
}

/// An operation that changes the disk, for what a planned fault does to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Change,
    Sync,
}

impl Disk {
    pub(super) fn new(seed: u64) -> Disk {
        Disk {
            random: Random::new(seed),
            nodes: BTreeMap::from([(ROOT, Node::Folder(FolderNode::default()))]),
            next_node: ROOT + 1,
            locks: BTreeSet::new(),
            life: 0,
            crashed: false,
            crash_at: None,
            failures: BTreeMap::new(),
            space: None,
            counters: SimCounters::default(),
            may_have_garbage: false,
        }
    }

    pub(super) fn life(&self) -> u64 {
        self.life
    }

    pub(super) fn counters(&self) -> SimCounters {
        self.counters
    }

    pub(super) fn plan_crash(&mut self, operation: Option<u64>) {
        self.crash_at = operation;
    }

    pub(super) fn plan_failure(&mut self, operation: u64, failure: Failure) {
        self.failures.insert(operation, failure);
    }

    pub(super) fn limit_space(&mut self, bytes: Option<u64>) {
        self.space = bytes;
    }

    pub(super) fn crash(&mut self) {
        self.crashed = true;
    }

    pub(super) fn has_crashed(&self) -> bool {
        self.crashed
    }

    pub(super) fn restart(&mut self, outage: Outage) {
        if outage == Outage::PowerLoss {
            for node in self.nodes.values_mut() {
                match node {
                    Node::File(file) => match file.lose_power(&mut self.random) {
                        Loss::Nothing => {}
                        Loss::Everything => self.counters.lost += 1,
                        Loss::Parts => self.counters.torn += 1,
                    },
                    Node::Folder(folder) => folder.lose_power(&mut self.random),
                }
            }
        }
        for node in self.nodes.values_mut() {
            if let Node::File(file) = node {
                file.handles = 0;
            }
        }
        self.locks.clear();
        self.life += 1;
        self.crashed = false;
        self.crash_at = None;
        self.failures.clear();
        self.may_have_garbage = true;
        self.collect();
    }

    pub(super) fn create(&mut self, life: u64, path: &str) -> io::Result<u64> {
        let crashes = self.begin(life, Kind::Change)?;
        let (parent, name) = self.parent_of(path)?;
        if self.folder(parent)?.now.contains_key(&name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let node = self.add(parent, name, Node::File(FileNode::default()))?;
        self.end(crashes)?;
        self.file(node)?.handles += 1;
        Ok(node)
    }

    pub(super) fn create_folder(&mut self, life: u64, path: &str) -> io::Result<()> {
        self.check(life)?;
        if let Ok(node) = self.find(path) {
            return self.folder(node).map(|_| ());
        }
        let crashes = self.begin(life, Kind::Change)?;
        let (parent, name) = self.parent_of(path)?;
        self.add(parent, name, Node::Folder(FolderNode::default()))?;
        self.end(crashes)
    }

    pub(super) fn open(&mut self, life: u64, path: &str) -> io::Result<u64> {
        self.check(life)?;
        let node = self.find(path)?;
        self.file(node)?.handles += 1;
        Ok(node)
    }

    pub(super) fn close(&mut self, life: u64, node: u64) {
        if life == self.life
            && let Some(Node::File(file)) = self.nodes.get_mut(&node)
        {
            file.handles = file.handles.saturating_sub(1);
        }
    }

    pub(super) fn rename(&mut self, life: u64, from: &str, to: &str) -> io::Result<()> {
        let crashes = self.begin(life, Kind::Change)?;
        let (parent, from) = self.parent_of(from)?;
        let (other, to) = self.parent_of(to)?;
        if parent != other {
            return Err(io::Error::other("renames stay within a folder"));
        }
        let target = self.folder(parent)?.now.get(&to).copied();
        if let Some(Node::Folder(target)) = target.and_then(|target| self.nodes.get(&target))
            && !target.now.is_empty()
        {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        let folder = self.folder(parent)?;
        let node = *folder.now.get(&from).ok_or(ErrorKind::NotFound)?;
        folder.change(FolderChange::Rename(from, to, node));
        self.end(crashes)
    }

    pub(super) fn remove(&mut self, life: u64, path: &str) -> io::Result<()> {
        let node = self.find_alive(life, path)?;
        self.file(node)?;
        let crashes = self.begin(life, Kind::Change)?;
        let (parent, name) = self.parent_of(path)?;
        self.folder(parent)?.change(FolderChange::Remove(name));
        self.end(crashes)
    }

    pub(super) fn remove_folder(&mut self, life: u64, path: &str) -> io::Result<()> {
        let node = self.find_alive(life, path)?;
        if !self.folder(node)?.now.is_empty() {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        let crashes = self.begin(life, Kind::Change)?;
        let (parent, name) = self.parent_of(path)?;
        self.folder(parent)?.change(FolderChange::Remove(name));
        self.end(crashes)
    }

    pub(super) fn sync_folder(&mut self, life: u64, path: &str) -> io::Result<()> {
        let node = self.find_alive(life, path)?;
        if self.begin(life, Kind::Sync)? {
            return self.end(true);
        }
        self.may_have_garbage |= self.folder(node)?.sync();
        self.counters.syncs += 1;
        self.collect();
        Ok(())
    }

    pub(super) fn is_same_file(&mut self, life: u64, one: &str, other: &str) -> io::Result<bool> {
        Ok(self.find_alive(life, one)? == self.find_alive(life, other)?)
    }

    pub(super) fn list(&mut self, life: u64, path: &str) -> io::Result<Vec<String>> {
        let node = self.find_alive(life, path)?;
        Ok(self.folder(node)?.now.keys().cloned().collect())
    }

    pub(super) fn lock(&mut self, life: u64, path: &str) -> io::Result<()> {
        self.check(life)?;
        if self.locks.insert(path.to_owned()) { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
    }

    pub(super) fn unlock(&mut self, life: u64, path: &str) {
        if life == self.life {
            self.locks.remove(path);
        }
    }

    pub(super) fn write(
        &mut self,
        life: u64,
        node: u64,
        offset: u64,
        bytes: &[u8],
    ) -> io::Result<()> {
        let crashes = self.begin(life, Kind::Change)?;
        self.check_space(node, offset + bytes.len() as u64)?;
        self.file(node)?.write(offset, bytes);
        self.counters.written_bytes += bytes.len() as u64;
        self.end(crashes)
    }

    pub(super) fn preallocate(&mut self, life: u64, node: u64, length: u64) -> io::Result<()> {
        let crashes = self.begin(life, Kind::Change)?;
        self.check_space(node, length)?;
        self.file(node)?.extend(length);
        self.end(crashes)
    }

    pub(super) fn sync(&mut self, life: u64, node: u64) -> io::Result<()> {
        match self.begin(life, Kind::Sync) {
            Ok(false) => {}
            Ok(true) => return self.end(true),
            Err(error) => {
                if !self.crashed && life == self.life {
                    let mut random = self.random.clone();
                    self.file(node)?.fail_sync(&mut random);
                    self.random = random;
                }
                return Err(error);
            }
        }
        self.file(node)?.sync();
        self.counters.syncs += 1;
        Ok(())
    }

    pub(super) fn read(
        &mut self,
        life: u64,
        node: u64,
        offset: u64,
        into: &mut [u8],
    ) -> io::Result<()> {
        self.check(life)?;
        let data = &self.file(node)?.now;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(data.len());
        let rest = &data[start..];
        if rest.len() < into.len() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        into.copy_from_slice(&rest[..into.len()]);
        Ok(())
    }

    pub(super) fn length(&mut self, life: u64, node: u64) -> io::Result<u64> {
        self.check(life)?;
        Ok(self.file(node)?.now.len() as u64)
    }

    pub(super) fn contents(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let node = self.find(path)?;
        Ok(self.file(node)?.now.clone())
    }

    pub(super) fn damage(&mut self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let node = self.find(path)?;
        self.file(node)?.damage(offset, bytes);
        Ok(())
    }

    /// Counts an operation and meets the faults planned for it. True: the
    /// machine goes down with it; it is done in memory and fails.
    fn begin(&mut self, life: u64, kind: Kind) -> io::Result<bool> {
        self.check(life)?;
        self.counters.operations += 1;
        let number = self.counters.operations;
        if let Some(failure) = self.failures.remove(&number) {
            return Err(failure.error());
        }
        let crashes = self.crash_at.is_some_and(|at| number >= at);
        if crashes && kind == Kind::Sync {
            self.crashed = true;
        }
        Ok(crashes)
    }

    fn end(&mut self, crashes: bool) -> io::Result<()> {
        if !crashes {
            return Ok(());
        }
        self.crashed = true;
        Err(down())
    }

    fn check(&self, life: u64) -> io::Result<()> {
        if self.crashed || life != self.life { Err(down()) } else { Ok(()) }
    }

    fn check_space(&mut self, node: u64, length: u64) -> io::Result<()> {
        let grows = length.saturating_sub(self.file(node)?.now.len() as u64);
        if self.space.is_some_and(|space| self.used() + grows > space) {
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    pub(super) fn used(&self) -> u64 {
        let length = |node: &Node| match node {
            Node::File(file) => file.now.len() as u64,
            Node::Folder(_) => 0,
        };
        self.nodes.values().map(length).sum()
    }

    fn add(&mut self, parent: u64, name: String, node: Node) -> io::Result<u64> {
        let number = self.next_node;
        self.next_node += 1;
        self.nodes.insert(number, node);
        self.folder(parent)?.change(FolderChange::Add(name, number));
        Ok(number)
    }

    fn find_alive(&mut self, life: u64, path: &str) -> io::Result<u64> {
        self.check(life)?;
        self.find(path)
    }

    fn find(&mut self, path: &str) -> io::Result<u64> {
        let mut at = ROOT;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            at = *self.folder(at)?.now.get(part).ok_or(ErrorKind::NotFound)?;
        }
        Ok(at)
    }

    fn parent_of(&mut self, path: &str) -> io::Result<(u64, String)> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() {
            return Err(ErrorKind::InvalidInput.into());
        }
        Ok((self.find(parent)?, name.to_owned()))
    }

    fn file(&mut self, node: u64) -> io::Result<&mut FileNode> {
        match self.nodes.get_mut(&node) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Folder(_)) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    fn folder(&mut self, node: u64) -> io::Result<&mut FolderNode> {
        match self.nodes.get_mut(&node) {
            Some(Node::Folder(folder)) => Ok(folder),
            Some(Node::File(_)) => Err(ErrorKind::NotADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    /// Frees the nodes that no name and no handle leads to.
    fn collect(&mut self) {
        if !std::mem::take(&mut self.may_have_garbage) {
            return;
        }
        let (mut found, mut folders) = (vec![ROOT], vec![ROOT]);
        let mut next = 0;
        while let Some(at) = folders.get(next) {
            if let Some(Node::Folder(folder)) = self.nodes.get(at) {
                for below in folder.reachable() {
                    found.push(below);
                    let is_folder = matches!(self.nodes.get(&below), Some(Node::Folder(_)));
                    if is_folder && !folders.contains(&below) {
                        folders.push(below);
                    }
                }
            }
            next += 1;
        }
        found.sort_unstable();
        let mut held = false;
        self.nodes.retain(|number, node| {
            let is_named = found.binary_search(number).is_ok();
            let is_held = matches!(node, Node::File(file) if file.handles > 0);
            held |= is_held && !is_named;
            is_named || is_held
        });
        self.may_have_garbage = held;
    }
}

fn down() -> io::Error {
    io::Error::other("the simulated machine is down")
}
