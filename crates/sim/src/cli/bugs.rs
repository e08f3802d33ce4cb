//! `sim bugs`.

use std::io::{self, Write};

use crate::mutation::{self, Mutation};

/// What `sim bugs` is told.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many seeds to look for each, from 1 on.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// This one only.
    #[arg(long, value_parser = mutation::by_name)]
    only: Option<&'static Mutation>,
    /// How many threads; as many as the machine has cores if not given. The output
    /// does not depend on it.
    #[arg(long)]
    jobs: Option<usize>,
}

impl Args {
    /// Hunts them; whether all were caught.
    pub(super) fn run(&self, out: &mut impl Write) -> io::Result<bool> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        mutation::bugs::run(self.only, self.seeds, self.jobs.unwrap_or_else(cores), out)
    }
}
