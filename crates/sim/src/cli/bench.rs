//! `sim bench`.

use std::io::{self, Write};

use crate::bench::measure;
use crate::options::{DEFAULT_CHAOS, Options};

/// How fast the simulator is to be: so many simulated seconds in a second of one core.
const WANTED: f64 = 500.0;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many seeds of five simulated minutes to run for each line.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
}

impl Args {
    pub(super) fn run(&self, out: &mut impl Write) -> io::Result<bool> {
        let three = Options { nodes: Some(3), ..Options::default().with_chaos(DEFAULT_CHAOS) };
        let calm = Options { faults: Some(Vec::new()), ..three.clone() };
        writeln!(out, "three nodes, {} seeds of 5 minutes, CPU time of one thread", self.seeds)?;
        for (name, options) in [("no faults but the network's", calm), ("all faults", three)] {
            let speed = measure(self.seeds, &options)?;
            writeln!(
                out,
                "{name:<28} {:>6.0} simulated seconds a second, {:.0} operations a simulated \
                 second, {:.0} of them acknowledged",
                speed.seconds_a_second(),
                speed.operations_a_second(),
                speed.acknowledged_a_second()
            )?;
        }
        writeln!(out, "{WANTED:.0} are wanted")?;
        Ok(true)
    }
}
