//! What lies on a simulated disk: files and folders, each with what a process
//! sees, what is durable, and the changes between the two.
//!
//! ```text
//!   durable ── pending changes, in order ──▶ now
//!              a power loss keeps any of them: by sector in a file,
//!              one by one in a folder
//! ```

use std::collections::BTreeMap;

use crate::random::Random;

/// The unit that a disk writes whole or not at all, but for a torn one.
const SECTOR: u64 = 512;

#[derive(Clone, Debug)]
pub(super) enum Node {
    File(FileNode),
    Folder(FolderNode),
}

#[derive(Clone, Debug, Default)]
pub(super) struct FileNode {
    pub(super) now: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<FileChange>,
    /// How many handles hold it; it outlives its name as long as one does.
    pub(super) handles: u64,
}

/// What a power loss took of what was not synced in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    Nothing,
    Everything,
    Parts,
}

#[derive(Clone, Debug)]
enum FileChange {
    Write { offset: u64, bytes: Vec<u8> },
    Extend { length: u64 },
}

impl FileNode {
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        put(&mut self.now, offset, bytes);
        self.pending.push(FileChange::Write { offset, bytes: bytes.to_vec() });
    }

    pub(super) fn extend(&mut self, length: u64) {
        if length > self.now.len() as u64 {
            self.now.resize(length as usize, 0);
            self.pending.push(FileChange::Extend { length });
        }
    }

    pub(super) fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            match change {
                FileChange::Write { offset, bytes } => put(&mut self.durable, offset, &bytes),
                FileChange::Extend { length } => extend(&mut self.durable, length),
            }
        }
    }

    /// Changes what is on the disk behind everybody's back: damage.
    pub(super) fn damage(&mut self, offset: u64, bytes: &[u8]) {
        self.sync();
        put(&mut self.now, offset, bytes);
        put(&mut self.durable, offset, bytes);
    }

    /// A sync that fails: some of what was pending reached the disk, the rest
    /// never will, though whoever reads sees it (the kernel marks the pages clean).
    pub(super) fn fail_sync(&mut self, random: &mut Random) {
        self.durable = self.surviving(random);
        self.pending.clear();
    }

    /// Power loss: what is seen from now on is what reached the disk.
    pub(super) fn lose_power(&mut self, random: &mut Random) -> Loss {
        let mut loss = Loss::Nothing;
        if !self.pending.is_empty() {
            let left = self.surviving(random);
            if left != self.now {
                loss = if left == self.durable { Loss::Everything } else { Loss::Parts };
            }
            self.durable = left;
            self.pending.clear();
        }
        self.now = self.durable.clone();
        self.handles = 0;
        loss
    }

    fn surviving(&mut self, random: &mut Random) -> Vec<u8> {
        match random.below(4) {
            0 => self.durable.clone(),
            1 => self.now.clone(),
            _ => self.partly(random),
        }
    }

    /// Each sector holds what it held after some of the writes to it, in order,
    /// independently of all other sectors; sometimes the next write is torn
    /// within the sector.
    fn partly(&self, random: &mut Random) -> Vec<u8> {
        let mut left = self.durable.clone();
        let mut writes_of: BTreeMap<u64, Vec<(u64, &[u8])>> = BTreeMap::new();
        for change in &self.pending {
            match change {
                FileChange::Extend { length } => {
                    if random.one_in(2) {
                        extend(&mut left, *length);
                    }
                }
                FileChange::Write { offset, bytes } => {
                    for (at, part) in by_sector(*offset, bytes) {
                        writes_of.entry(at / SECTOR).or_default().push((at, part));
                    }
                }
            }
        }
        for writes in writes_of.values() {
            let kept = random.below(writes.len() as u64 + 1) as usize;
            for (at, part) in &writes[..kept] {
                put(&mut left, *at, part);
            }
            if let Some((at, part)) = writes.get(kept).filter(|_| random.one_in(4)) {
                let bytes = random.below(part.len() as u64 + 1) as usize;
                put(&mut left, *at, &part[..bytes]);
            }
        }
        left
    }
}

/// Cuts a write at the borders of the sectors.
fn by_sector(mut offset: u64, mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let room = (SECTOR - offset % SECTOR) as usize;
        let (part, rest) = bytes.split_at(room.min(bytes.len()));
        parts.push((offset, part));
        offset += part.len() as u64;
        bytes = rest;
    }
    parts
}

fn put(data: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let start = offset as usize;
    extend(data, offset + bytes.len() as u64);
    data[start..start + bytes.len()].copy_from_slice(bytes);
}

fn extend(data: &mut Vec<u8>, length: u64) {
    if length > data.len() as u64 {
        data.resize(length as usize, 0);
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct FolderNode {
    pub(super) now: BTreeMap<String, u64>,
    durable: BTreeMap<String, u64>,
    pending: Vec<FolderChange>,
}

#[derive(Clone, Debug)]
pub(super) enum FolderChange {
    Add(String, u64),
    Remove(String),
    Rename(String, String, u64),
}

impl FolderNode {
    pub(super) fn change(&mut self, change: FolderChange) {
        change.perform(&mut self.now);
        self.pending.push(change);
    }

    /// Whether a node may have lost its name for good.
    pub(super) fn sync(&mut self) -> bool {
        let mut takes_names = false;
        for change in self.pending.drain(..) {
            change.perform(&mut self.durable);
            takes_names |= !matches!(change, FolderChange::Add(..));
        }
        takes_names
    }

    /// Each change that was not synced is kept or lost, whatever became of the
    /// others; a rename is kept or lost whole.
    pub(super) fn lose_power(&mut self, random: &mut Random) {
        let all_or_nothing = random.below(4);
        for change in std::mem::take(&mut self.pending) {
            let kept = match all_or_nothing {
                0 => false,
                1 => true,
                _ => random.one_in(2),
            };
            if kept {
                change.perform(&mut self.durable);
            }
        }
        self.now = self.durable.clone();
    }

    /// All nodes that this folder may still lead to, some of them several times.
    pub(super) fn reachable(&self) -> impl Iterator<Item = u64> {
        let pending = self.pending.iter().filter_map(|change| match change {
            FolderChange::Add(_, node) | FolderChange::Rename(_, _, node) => Some(*node),
            FolderChange::Remove(_) => None,
        });
        self.now.values().chain(self.durable.values()).copied().chain(pending)
    }
}

impl FolderChange {
    fn perform(&self, entries: &mut BTreeMap<String, u64>) {
        match self {
            FolderChange::Add(name, node) => {
                entries.insert(name.clone(), *node);
            }
            FolderChange::Remove(name) => {
                entries.remove(name);
            }
            FolderChange::Rename(from, to, node) => {
                entries.remove(from);
                entries.insert(to.clone(), *node);
            }
        }
    }
}
