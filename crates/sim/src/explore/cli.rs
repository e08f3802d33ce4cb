//! The command `explore`.

use std::io::{self, Write};

use clap::Args;

use super::bounds::MAX_NODES;
#[cfg(feature = "planted-bugs")]
use super::bugs;
use super::scenario::Scenario;
use super::scenarios;
use super::search::{self, End, Outcome};

/// What to explore.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Explore {
    /// Only this scenario; all of them if none is given.
    #[arg(long, value_parser = scenario_named)]
    scenario: Option<String>,
    /// How many nodes there are. The openings are made for three: with others the
    /// first leader may be one that nobody follows.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=MAX_NODES as u64))]
    nodes: u64,
    /// Give a scenario up at so many states.
    #[arg(long, default_value_t = 20_000_000)]
    most: u64,
    /// Plant known bugs of the core, each in the scenario that is to find it.
    #[cfg(feature = "planted-bugs")]
    #[arg(long)]
    bugs: bool,
    /// Plant one bug, and print the shortest way to what it breaks.
    #[cfg(feature = "planted-bugs")]
    #[arg(long, value_parser = bug_named, conflicts_with = "bugs")]
    bug: Option<raft_core::Bug>,
}

impl Explore {
    /// Explores, and prints what came of it. Whether all is well: every scenario was
    /// met whole and all properties hold; or, with bugs, every one was found.
    ///
    /// # Errors
    ///
    /// If the output cannot be written.
    pub fn run(&self, out: &mut impl Write) -> io::Result<bool> {
        #[cfg(feature = "planted-bugs")]
        if self.bugs {
            return bugs::table(self.most, out);
        }
        #[cfg(feature = "planted-bugs")]
        if let Some(bug) = self.bug {
            return self.find(bug, out);
        }
        let is_chosen =
            |scenario: &Scenario| self.scenario.as_ref().is_none_or(|name| name == scenario.name);
        let mut good = true;
        let (mut states, mut steps) = (0, 0);
        for scenario in scenarios::all().into_iter().filter(is_chosen) {
            let sound = |scenario: &Scenario| search::explore(scenario, self.most);
            let outcome = self.explore(scenario, sound, out)?;
            good &= outcome.end == End::Whole;
            states += outcome.states;
            steps += outcome.steps;
        }
        writeln!(out, "{states} states, {steps} steps in all")?;
        Ok(good)
    }

    fn explore(
        &self,
        scenario: Scenario,
        explore: impl Fn(&Scenario) -> Outcome,
        out: &mut impl Write,
    ) -> io::Result<Outcome> {
        let scenario = Scenario { nodes: self.nodes, ..scenario };
        writeln!(out, "{}: {}", scenario.name, scenario.about)?;
        writeln!(out, "  {} nodes, {}", scenario.nodes, scenario.describe())?;
        let outcome = explore(&scenario);
        let Outcome { states, steps, depth, nodes, .. } = outcome;
        writeln!(out, "  {states} states of {nodes} nodes, {steps} steps, {depth} deep")?;
        match &outcome.end {
            End::Whole => writeln!(out, "  whole; all properties hold")?,
            End::TooMany => writeln!(out, "  given up: more states than --most allows")?,
            End::Broken(example) => writeln!(out, "  broken, by the shortest way:\n{example}")?,
        }
        Ok(outcome)
    }

    /// Looks for a bug in the chosen scenario, in the one that is to find it, or in all
    /// of them until one does. Whether it was found.
    #[cfg(feature = "planted-bugs")]
    fn find(&self, bug: raft_core::Bug, out: &mut impl Write) -> io::Result<bool> {
        let known = bugs::ALL.iter().find(|quarry| quarry.bug == bug);
        let chosen = self.scenario.as_deref().or(known.map(|quarry| quarry.scenario));
        let is_chosen = |scenario: &Scenario| chosen.is_none_or(|name| name == scenario.name);
        for scenario in scenarios::all().into_iter().filter(is_chosen) {
            let explore =
                |scenario: &Scenario| bugs::explore_with(bug, scenario.clone(), self.most);
            if matches!(self.explore(scenario, explore, out)?.end, End::Broken(_)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn scenario_named(name: &str) -> Result<String, String> {
    let names = || scenarios::all().iter().map(|one| one.name).collect::<Vec<_>>().join(", ");
    match scenarios::named(name) {
        Some(scenario) => Ok(scenario.name.to_owned()),
        None => Err(format!("there are {}", names())),
    }
}

#[cfg(feature = "planted-bugs")]
fn bug_named(name: &str) -> Result<raft_core::Bug, String> {
    let all = raft_core::Bug::ALL;
    let names = || all.iter().map(|bug| bug.name()).collect::<Vec<_>>().join(", ");
    all.iter()
        .copied()
        .find(|bug| bug.name() == name)
        .ok_or_else(|| format!("there are {}", names()))
}
