//! `sim shrink`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::rc::Rc;

use super::{Shared, print_failure};
use crate::options::Options;
use crate::shrink::shrink;
use crate::trace::Trace;
use crate::world;

/// A failure is made smaller in so many runs at most when nothing else is asked for.
pub(super) const SHRINKING_RUNS: u32 = 400;
/// So many lines of a shrunk trace are printed, up to its end.
const PRINTED_LINES: usize = 60;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The seed.
    seed: u64,
    /// Give up after so many runs.
    #[arg(long, default_value_t = SHRINKING_RUNS)]
    runs: u32,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(super) fn run(&self, out: &mut impl Write) -> io::Result<bool> {
        print_shrunk(self.seed, &self.shared.options(), self.runs, out)?;
        Ok(true)
    }
}

/// Makes a failure smaller, and prints how its trace ends and the command for it.
pub(super) fn print_shrunk(
    seed: u64,
    options: &Options,
    runs: u32,
    out: &mut impl Write,
) -> io::Result<()> {
    let Some(shrunk) = shrink(seed, options, runs) else {
        return writeln!(out, "seed {seed} passes: there is nothing to make smaller");
    };
    let lines = shrunk.report.lines;
    writeln!(
        out,
        "{} steps made {lines} in {} runs; the last of them:",
        shrunk.lines_before, shrunk.runs
    )?;
    for line in end_of_trace(seed, &shrunk.options) {
        writeln!(out, "  {line}")?;
    }
    print_failure(&shrunk.report, &shrunk.options, out)
}

fn end_of_trace(seed: u64, options: &Options) -> VecDeque<String> {
    let lines = Rc::new(RefCell::new(VecDeque::new()));
    let kept = Rc::clone(&lines);
    let trace = Trace::to(move |line| {
        let mut lines = kept.borrow_mut();
        if lines.len() == PRINTED_LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_string());
    });
    world::run(seed, options, trace);
    lines.take()
}
