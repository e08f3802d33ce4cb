//! Turns of several nodes on one line of time.

use std::fmt;

use super::trace::Turn;

/// How many columns the line of time has.
const COLUMNS: u64 = 48;

const NODES: [&str; 3] = ["leader", "follower 1", "follower 2"];

/// One write, from its sending until it is applied everywhere.
pub struct Picture<'a> {
    /// When the client sent it.
    pub sent: u64,
    /// When the client had its answer.
    pub answered: u64,
    /// The turns, the earliest first.
    pub turns: &'a [Turn],
}

impl fmt::Display for Picture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.turns.iter().map(|turn| turn.end).fold(self.answered, u64::max);
        writeln!(f, "    begin   takes  hand-off  (µs)")?;
        for turn in self.turns {
            let begin = turn.begin - self.sent;
            let takes = turn.end - turn.begin;
            let hand_off = match self.cause(turn) {
                Some(cause) => (turn.begin - cause).to_string(),
                None => String::new(),
            };
            let who = format!("{} {}", NODES[turn.node], turn.worker);
            let bar = bar(turn.begin - self.sent, turn.end - self.sent, end - self.sent);
            writeln!(f, "{begin:9}{takes:8}{hand_off:>10}  {who:17} {bar}  {}", gave(turn))?;
        }
        let answered = self.answered - self.sent;
        let bar = bar(0, answered, end - self.sent);
        writeln!(f, "{:9}{answered:8}{:10}  {:17} {bar}", 0, "", "client's call")
    }
}

impl Picture<'_> {
    /// When that ended which gave this turn something to do: the last that ended
    /// before it and hands on to it. Nothing if it is the clock.
    fn cause(&self, turn: &Turn) -> Option<u64> {
        let hands_on = |from: &&Turn| {
            let is_own = from.node == turn.node;
            from.end <= turn.begin
                && match turn.worker.as_str() {
                    "Log" => is_own && from.worker == "Raft" && from.writes > 0,
                    "Apply" => is_own && from.worker == "Raft" && from.apply > 0,
                    _ => (is_own && from.completions > 0) || (!is_own && from.frames > 0),
                }
        };
        let last = self.turns.iter().filter(hands_on).map(|from| from.end).max();
        // The first one of the leader is the client's doing.
        last.or((turn.node == 0 && turn.worker == "Raft").then_some(self.sent))
    }
}

fn bar(begin: u64, end: u64, whole: u64) -> String {
    let column = |moment: u64| moment * COLUMNS / whole.max(1);
    let (first, last) = (column(begin).min(COLUMNS - 1), column(end).min(COLUMNS - 1));
    let sign = |at| if (first..=last).contains(&at) { '█' } else { '·' };
    (0..COLUMNS).map(sign).collect()
}

fn gave(turn: &Turn) -> String {
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let given = [
        (turn.writes, "write"),
        (turn.frames, "frame"),
        (turn.apply, "item"),
        (turn.answers, "answer"),
    ];
    let mut words: Vec<String> = given
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}{}", plural(count)))
        .collect();
    if turn.worker == "Log" && turn.completions > 0 {
        words.push("sync".to_owned());
    }
    words.join(", ")
}
