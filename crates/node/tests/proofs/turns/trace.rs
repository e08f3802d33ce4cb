//! The turns that nodes tell of in their logs.

use std::fs::File;
use std::io::Read as _;

use serde_json::Value;

use super::super::harness::Town;

/// A turn of a worker. Moments are microseconds since 1970 by the system's clock,
/// which all processes of a machine share.
#[derive(Clone, Debug)]
pub struct Turn {
    /// 0 is the leader; its followers are 1 and 2.
    pub node: usize,
    /// The worker's name.
    pub worker: String,
    /// When it began.
    pub begin: u64,
    /// When it was over.
    pub end: u64,
    /// Writes for the log that it gave.
    pub writes: u64,
    /// Frames for peers that it gave.
    pub frames: u64,
    /// Items for the apply worker that it gave.
    pub apply: u64,
    /// Completions that it reported.
    pub completions: u64,
    /// Answers to clients that it gave.
    pub answers: u64,
}

impl Turn {
    /// Whether there is a moment in which both go on.
    pub fn overlaps(&self, other: &Turn) -> bool {
        self.begin < other.end && other.begin < self.end
    }
}

/// The logs of all nodes, read as they grow.
pub struct Trace {
    logs: Vec<Log>,
}

struct Log {
    file: File,
    /// A last line that is not whole yet.
    rest: String,
    turns: Vec<Turn>,
}

impl Trace {
    /// Of a town with three nodes.
    pub fn open(town: &Town, leader: usize) -> Trace {
        let nodes = [vec![leader], town.others(leader)].concat();
        let open = |node: usize| {
            let path = town.folder().join(format!("n{}.log", node + 1));
            let file = File::open(&path).expect("each node has a log");
            Log { file, rest: String::new(), turns: Vec::new() }
        };
        Trace { logs: nodes.into_iter().map(open).collect() }
    }

    /// All turns that began then or later and are in the logs by now, the earliest
    /// first.
    pub fn turns_since(&mut self, moment: u64) -> Vec<Turn> {
        let mut all = Vec::new();
        for (node, log) in self.logs.iter_mut().enumerate() {
            log.read_on(node);
            all.extend(log.turns.iter().filter(|turn| turn.begin >= moment).cloned());
        }
        all.sort_by_key(|turn| turn.begin);
        all
    }
}

impl Log {
    fn read_on(&mut self, node: usize) {
        self.file.read_to_string(&mut self.rest).expect("a log can be read and is text");
        let whole = self.rest.rfind('\n').map_or(0, |end| end + 1);
        let lines: String = self.rest.drain(..whole).collect();
        self.turns.extend(lines.lines().filter_map(|line| turn(node, line)));
    }
}

/// The turn that a line tells of, if it does.
fn turn(node: usize, line: &str) -> Option<Turn> {
    let event: Value = serde_json::from_str(line).expect("each line of a log is JSON");
    if event["msg"] != "turn" {
        return None;
    }
    let number = |name: &str| event[name].as_u64().unwrap_or_else(|| panic!("{name} in {line}"));
    let end = number("at_us");
    Some(Turn {
        node,
        worker: event["worker"].as_str().expect("a turn has a worker").to_owned(),
        begin: end - number("took_us"),
        end,
        writes: number("writes"),
        frames: number("frames"),
        apply: number("apply"),
        completions: number("completions"),
        answers: number("answers"),
    })
}
