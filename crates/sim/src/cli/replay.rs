//! `sim replay`.

use std::io::{self, Write};

use raft_core::{NodeId, Time};

use super::{Shared, print_failure};
use crate::trace::Trace;
use crate::world;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The seed.
    seed: u64,
    /// Print what happens up to this simulated second only.
    #[arg(long)]
    until: Option<f64>,
    /// Print what happens at this node only.
    #[arg(long)]
    node: Option<u64>,
    /// Print each step as a JSON object on a line of its own.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) shared: Shared,
}

impl Args {
    pub(super) fn run(&self, out: &mut impl Write) -> io::Result<bool> {
        let options = self.shared.options();
        let until = self.until.map_or(Time::NEVER, |seconds| Time((seconds * 1e6) as u64));
        let (node, json) = (self.node.map(NodeId), self.json);
        let trace = Trace::to(move |line| {
            if line.at > until || (node.is_some() && line.node != node) {
                return;
            }
            // An output that nobody reads any more is no reason to end the run.
            drop(match json {
                true => writeln!(io::stdout(), "{}", line.json()),
                false => writeln!(io::stdout(), "{line}"),
            });
        });
        let report = world::run(self.seed, &options, trace);
        if !json {
            match &report.failure {
                Some(_) => print_failure(&report, &options, out)?,
                None => writeln!(out, "seed {} passed after {}", self.seed, report.ended)?,
            }
            writeln!(out, "trace {}", report.trace)?;
        }
        Ok(report.failure.is_none())
    }
}
