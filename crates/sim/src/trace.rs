//! What happened, as a number and, when asked for, in words.
//!
//! Every step of a run goes into one running hash. Two runs of a seed with one
//! hash did the same, byte for byte; that is how determinism is tested. The
//! words are made only when a run is replayed for somebody to read.

use std::fmt::{self, Display, Write};
use std::hash::{Hash, Hasher};

use raft_core::{NodeId, Time};

/// One step, for somebody to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its place in the run, from 1.
    pub number: u64,
    /// When it happened.
    pub at: Time,
    /// Whose step it was; `None`: the world's around the nodes.
    pub node: Option<NodeId>,
    /// What kind of step.
    pub what: &'static str,
    /// All about it.
    pub words: &'a str,
}

impl Line<'_> {
    /// The line as a JSON object: `line`, `us` (its time in microseconds), `node`
    /// (`null` for the world), `what` and `words`.
    pub fn json(&self) -> String {
        let Line { number, at, node, what, words } = self;
        let node = node.map_or("null".to_owned(), |node| node.0.to_string());
        format!(
            "{{\"line\":{number},\"us\":{},\"node\":{node},\"what\":\"{what}\",\"words\":\"{}\"}}",
            at.0,
            Escaped(words)
        )
    }
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = self.node.map_or("--".to_owned(), |node| node.to_string());
        write!(f, "{:>12} {node:<4} {:<10} {}", self.at.to_string(), self.what, self.words)
    }
}

/// The inside of a JSON string.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                control if control.is_control() => write!(f, "\\u{:04x}", u32::from(control))?,
                other => write!(f, "{other}")?,
            }
        }
        Ok(())
    }
}

/// Takes in a line.
type Reader = Box<dyn FnMut(&Line<'_>)>;

/// The record of one run.
pub struct Trace {
    hash: TraceHasher,
    /// How many steps were noted.
    lines: u64,
    /// Where the words go; `None`: nobody reads.
    reader: Option<Reader>,
}

impl Trace {
    /// A record that keeps the hash only.
    pub fn silent() -> Trace {
        Trace { hash: TraceHasher::default(), lines: 0, reader: None }
    }

    /// A record that also gives each line to a reader.
    pub fn to(reader: impl FnMut(&Line<'_>) + 'static) -> Trace {
        Trace { hash: TraceHasher::default(), lines: 0, reader: Some(Box::new(reader)) }
    }

    /// Notes a step of a node (`None`: of the world around them). `what` names the
    /// kind of step; the words of `detail` are hashed as they are made, and kept only
    /// when somebody reads.
    pub fn note<D: Display + ?Sized>(
        &mut self,
        now: Time,
        node: Option<NodeId>,
        what: &'static str,
        detail: &D,
    ) {
        (now, node, what).hash(&mut self.hash);
        self.hash.write_words(detail);
        self.end(now, node, what, || detail.to_string());
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
        self.end(now, Some(node), what, words);
    }

    fn end(
        &mut self,
        at: Time,
        node: Option<NodeId>,
        what: &'static str,
        words: impl FnOnce() -> String,
    ) {
        self.lines += 1;
        if let Some(reader) = &mut self.reader {
            reader(&Line { number: self.lines, at, node, what, words: &words() });
        }
    }

    /// How many steps were noted so far.
    pub fn lines(&self) -> u64 {
        self.lines
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

impl TraceHasher {
    /// Takes in what something reads as, without ever having it in one piece.
    fn write_words<D: Display + ?Sized>(&mut self, detail: &D) {
        let mut words = Words { hasher: self, filled: 0, last: [0; 8] };
        // The writer takes everything; an implementation of `Display` that fails on its
        // own account has said what it has to say.
        let _ = write!(words, "{detail}");
        let Words { filled, last, .. } = words;
        self.write_u64(u64::from_le_bytes(last) ^ ((filled as u64) << 56));
    }
}

/// Takes in words by eight bytes, wherever the pieces end that they come in.
struct Words<'a> {
    hasher: &'a mut TraceHasher,
    filled: usize,
    last: [u8; 8],
}

impl Write for Words<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let mut bytes = piece.as_bytes();
        if self.filled > 0 {
            let (head, rest) = bytes.split_at(bytes.len().min(8 - self.filled));
            self.keep(head);
            bytes = rest;
        }
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.hasher.write_u64(u64::from_le_bytes(word.try_into().expect("eight bytes")));
        }
        self.keep(words.remainder());
        Ok(())
    }
}

impl Words<'_> {
    /// Takes in no more than what is missing to a word.
    fn keep(&mut self, bytes: &[u8]) {
        self.last[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
        if self.filled == self.last.len() {
            self.hasher.write_u64(u64::from_le_bytes(self.last));
            (self.filled, self.last) = (0, [0; 8]);
        }
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
        let mut trace = Trace::to(move |line| {
            kept.borrow_mut().push(line.to_string());
            kept.borrow_mut().push(line.json());
        });
        trace.note(Time(1500), Some(NodeId(3)), "boot", "with an \"empty\" log\n");
        assert_eq!(lines.borrow()[0], "     1.500ms n3   boot       with an \"empty\" log\n");
        assert_eq!(
            lines.borrow()[1],
            r#"{"line":1,"us":1500,"node":3,"what":"boot","words":"with an \"empty\" log\u000a"}"#
        );
        assert_eq!(trace.lines(), 1);
    }

    #[test]
    fn where_pieces_of_words_end_does_not_count() {
        let hash = |detail: &dyn Display| {
            let mut trace = Trace::silent();
            trace.note(Time(1), None, "note", detail);
            trace.hash()
        };
        let (long, number) = ("a line of more than eight bytes", 17);
        assert_eq!(
            hash(&format_args!("{long}{number}")),
            hash(&"a line of more than eight bytes17".to_owned())
        );
        assert_ne!(hash(&"12345678"), hash(&"12345678\0"));
    }
}
