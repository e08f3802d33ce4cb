//! Breadth first: the first violation found is one with the fewest steps.

use std::fmt;

use super::fingerprint::Table;
use super::model::{Model, State};
use super::opening;
use super::property::Violation;
use super::scenario::Scenario;
use super::step::Step;

/// What came of an exploration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Distinct states.
    pub states: u64,
    /// Steps between them.
    pub steps: u64,
    /// The longest way from the first state.
    pub depth: u32,
    /// Distinct nodes, each with its disk.
    pub nodes: u64,
    /// Why it ended.
    pub end: End,
}

/// Why an exploration ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Every state within the bounds was met, and all properties hold.
    Whole,
    /// There were more states than were allowed.
    TooMany,
    /// A property does not hold.
    Broken(Counterexample),
}

/// The shortest way to a violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// What does not hold at its end.
    pub violation: Violation,
    /// The way, each step with what the node was told and gave out.
    pub way: Vec<(Step, Vec<String>)>,
}

/// Where a state was met first: the state before it and the step from there, both
/// by number.
#[derive(Clone, Copy)]
struct Origin {
    before: u32,
    step: u32,
}

/// Meets every state that the scenario can come to, but no more than `most`.
pub fn explore(scenario: &Scenario, most: u64) -> Outcome {
    let mut search = Search {
        model: Model::new(scenario.clone()),
        seen: Table::default(),
        origins: Vec::new(),
        steps: 0,
    };
    let (depth, end) = search.run(scenario, most);
    Outcome {
        states: search.seen.len() as u64,
        steps: search.steps,
        depth,
        nodes: search.model.nodes_met() as u64,
        end,
    }
}

struct Search {
    model: Model,
    seen: Table<()>,
    origins: Vec<Origin>,
    steps: u64,
}

impl Search {
    fn run(&mut self, scenario: &Scenario, most: u64) -> (u32, End) {
        let first = match opening::play(&mut self.model, scenario) {
            Ok(first) => first,
            Err(violation) => {
                return (0, End::Broken(Counterexample { violation, way: Vec::new() }));
            }
        };
        self.seen.insert(first.fingerprint(), ());
        self.origins.push(Origin { before: 0, step: 0 });
        let mut level = vec![(0, first.clone())];
        let mut depth = 0;
        let mut steps = Vec::new();
        loop {
            let mut next = Vec::new();
            for (number, state) in level {
                self.model.steps(&state, &mut steps);
                for (choice, step) in steps.iter().enumerate() {
                    self.steps += 1;
                    let origin = Origin { before: number, step: choice as u32 };
                    match self.model.take(&state, *step) {
                        Ok(None) => {}
                        Ok(Some(reached)) => {
                            if self.seen.insert(reached.fingerprint(), ()) {
                                next.push((self.origins.len() as u32, reached));
                                self.origins.push(origin);
                            }
                        }
                        Err(violation) => {
                            let way = self.way_to(&first, origin);
                            return (depth + 1, End::Broken(Counterexample { violation, way }));
                        }
                    }
                }
                if self.seen.len() as u64 > most {
                    return (depth, End::TooMany);
                }
            }
            if next.is_empty() {
                return (depth, End::Whole);
            }
            depth += 1;
            level = next;
        }
    }

    /// The steps from the first state, each with its account. States are not kept, so
    /// they are made again.
    fn way_to(&mut self, first: &State, last: Origin) -> Vec<(Step, Vec<String>)> {
        let mut choices = vec![last.step];
        let mut number = last.before;
        while number != 0 {
            let Origin { before, step } = self.origins[number as usize];
            choices.push(step);
            number = before;
        }
        let mut state = first.clone();
        let mut steps = Vec::new();
        let mut way = Vec::new();
        for choice in choices.into_iter().rev() {
            self.model.steps(&state, &mut steps);
            let step = steps[choice as usize];
            way.push((step, self.model.account(&state, step)));
            match self.model.take(&state, step) {
                Ok(Some(reached)) => state = reached,
                Ok(None) | Err(_) => return way,
            }
        }
        way
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (step, account)) in self.way.iter().enumerate() {
            writeln!(f, "{:>4}. {step}", number + 1)?;
            account.iter().try_for_each(|line| writeln!(f, "        {line}"))?;
        }
        write!(f, "      {}", self.violation)
    }
}
