//! What happened, as a number and, when asked for, in words.
//!
//! Every step of a run goes into one running hash. Two runs of a seed with one
//! hash did the same, byte for byte; that is how determinism is tested. The
//! words are made only when a run is replayed for somebody to read.

use std::fmt::{self, Display};
use std::hash::{Hash, Hasher};

use raft_core::{NodeId, Time};

/// Takes in a line.
type Reader = Box<dyn FnMut(&str)>;

/// The record of one run.
pub struct Trace {
    hash: TraceHasher,
    /// Where the words go; `None`: nobody reads.
    reader: Option<Reader>,
}

impl Trace {
    /// A record that keeps the hash only.
    pub fn silent() -> Trace {
        Trace { hash: TraceHasher::default(), reader: None }
    }

    /// A record that also gives each line to a reader.
    pub fn to(reader: impl FnMut(&str) + 'static) -> Trace {
        Trace { hash: TraceHasher::default(), reader: Some(Box::new(reader)) }
    }

    /// Notes a step of a node (`None`: of the world around them). `what` names the
    /// kind of step; `detail` is hashed always and written out when somebody reads.
    pub fn note<D: Hash + Display + ?Sized>(
        &mut self,
        now: Time,
        node: Option<NodeId>,
        what: &'static str,
        detail: &D,
    ) {
        (now, node, what).hash(&mut self.hash);
        detail.hash(&mut self.hash);
        if self.reader.is_some() {
            self.read(now, node, what, &detail.to_string());
        }
    }

    /// Notes a step by its bytes; the words are made only when somebody reads.
    pub fn note_bytes(
        &mut self,
        now: Time,
        node: NodeId,
        what: &'static str,
        bytes: &[u8],
        words: impl FnOnce() -> String,
    ) {
        (now, node, what).hash(&mut self.hash);
        self.hash.write(bytes);
        if self.reader.is_some() {
            self.read(now, Some(node), what, &words());
        }
    }

    fn read(&mut self, now: Time, node: Option<NodeId>, what: &str, words: &str) {
        if let Some(reader) = &mut self.reader {
            let node = node.map_or("--".to_owned(), |node| node.to_string());
            reader(&format!("{:>12} {node:<4} {what:<10} {words}", now.to_string()));
        }
    }

    /// The hash of everything noted so far.
    pub fn hash(&self) -> TraceHash {
        TraceHash(self.hash.finish())
    }
}

/// The hash of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceHash(pub u64);

impl TraceHash {
    /// The hash of several runs in order.
    pub fn then(self, next: TraceHash) -> TraceHash {
        let mut hasher = TraceHasher(self.0);
        hasher.write_u64(next.0);
        TraceHash(hasher.finish())
    }
}

impl Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A hasher whose result is the same on every machine and in every build, which
/// the standard library does not promise of its own.
#[derive(Clone, Debug)]
pub struct TraceHasher(u64);

impl Default for TraceHasher {
    fn default() -> TraceHasher {
        TraceHasher(0x6a09_e667_f3bc_c908)
    }
}

impl Hasher for TraceHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.write_u64(u64::from_le_bytes(word.try_into().expect("chunks of eight bytes")));
        }
        let rest = words.remainder();
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_le_bytes(last) ^ ((rest.len() as u64) << 56));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 29);
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed ^ (mixed >> 32)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn every_part_of_a_step_counts() {
        let hash = |now, node, what, detail: &str| {
            let mut trace = Trace::silent();
            trace.note(Time(now), node, what, detail);
            trace.hash()
        };
        let one = hash(1, Some(NodeId(1)), "turn", "x");
        assert_eq!(one, hash(1, Some(NodeId(1)), "turn", "x"));
        assert_ne!(one, hash(2, Some(NodeId(1)), "turn", "x"));
        assert_ne!(one, hash(1, Some(NodeId(2)), "turn", "x"));
        assert_ne!(one, hash(1, None, "turn", "x"));
        assert_ne!(one, hash(1, Some(NodeId(1)), "boot", "x"));
        assert_ne!(one, hash(1, Some(NodeId(1)), "turn", "y"));
    }

    #[test]
    fn order_counts() {
        let both = TraceHash(1).then(TraceHash(2));
        assert_ne!(both, TraceHash(2).then(TraceHash(1)));
    }

    /// Pinned, so that a build on which it differs is noticed.
    #[test]
    fn the_hash_is_the_same_everywhere() {
        let mut hasher = TraceHasher::default();
        hasher.write(b"a trace of some bytes");
        7_u64.hash(&mut hasher);
        assert_eq!(hasher.finish(), 7_341_407_062_390_744_993);
    }

    #[test]
    fn a_reader_gets_the_words() {
        let lines = Rc::new(RefCell::new(Vec::new()));
        let kept = Rc::clone(&lines);
        let mut trace = Trace::to(move |line| kept.borrow_mut().push(line.to_owned()));
        trace.note(Time(1500), Some(NodeId(3)), "boot", "with an empty log");
        assert_eq!(*lines.borrow(), ["     1.500ms n3   boot       with an empty log"]);
    }
}
