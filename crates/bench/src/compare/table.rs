//! Two programs' measures side by side.

use std::fmt;

use super::phases::{Phase, QUANTITIES, Quantity};
use crate::load::Measure;

/// The measures of both programs in each phase, and how they compare. Its
/// `Display` is the table for people, with the machine that it was made on.
#[derive(Debug)]
pub struct Table {
    programs: [String; 2],
    sections: Vec<Section>,
}

/// A phase, and the sum of all turns of each program in it.
#[derive(Debug)]
struct Section {
    phase: &'static Phase,
    sums: [Measure; 2],
}

impl Table {
    /// A table without measures, of two programs.
    pub fn new(programs: [String; 2]) -> Self {
        Self { programs, sections: Vec::new() }
    }

    /// Adds what a turn of the program in that column (0 or 1) measured.
    pub fn add(&mut self, phase: &'static Phase, column: usize, measure: &Measure) {
        let known = self.sections.iter().position(|section| section.phase.name == phase.name);
        let at = known.unwrap_or_else(|| {
            self.sections.push(Section { phase, sums: [Measure::new(), Measure::new()] });
            self.sections.len() - 1
        });
        self.sections[at].sums[column].append(measure);
    }

    /// How many bounds are not met; a phase in which calls failed counts as one.
    pub fn failures(&self) -> usize {
        self.sections.iter().map(Section::failures).sum()
    }
}

impl Section {
    fn failures(&self) -> usize {
        let is_missed = |quantity: &&Quantity| self.keeps_bound(**quantity) == Some(false);
        QUANTITIES.iter().filter(is_missed).count() + usize::from(self.has_errors())
    }

    fn has_errors(&self) -> bool {
        self.sums.iter().any(|sum| sum.errors > 0)
    }

    /// The first program's part of the second's quantity.
    fn ratio(&self, quantity: Quantity) -> f64 {
        let [first, second] = self.sums.each_ref().map(|sum| quantity.of(sum));
        first / second
    }

    /// Whether the bound of a quantity is kept, if it has one.
    fn keeps_bound(&self, quantity: Quantity) -> Option<bool> {
        let bound = self.phase.bounds.iter().find(|bound| bound.quantity == quantity)?;
        Some(bound.limit.is_kept_by(self.ratio(quantity)))
    }

    fn verdict(&self, quantity: Quantity) -> String {
        let bound = self.phase.bounds.iter().find(|bound| bound.quantity == quantity);
        bound.map_or(String::new(), |bound| {
            let kept = bound.limit.is_kept_by(self.ratio(quantity));
            format!("{} {}", bound.limit.text(), if kept { "ok" } else { "MISSED" })
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = &self.programs;
        writeln!(formatter, "{}", machine())?;
        writeln!(formatter, "{:<32} {first:>14} {second:>14} {:>7}  bound", "", "ratio")?;
        for section in &self.sections {
            writeln!(formatter, "{}", section.phase.name)?;
            for quantity in QUANTITIES {
                let [first, second] = section.sums.each_ref().map(|sum| quantity.of(sum));
                let line = format!(
                    "  {:<30} {first:>14.2} {second:>14.2} {:>7.2}  {}",
                    quantity.name(),
                    section.ratio(quantity),
                    section.verdict(quantity),
                );
                writeln!(formatter, "{}", line.trim_end())?;
            }
            for (program, sum) in self.programs.iter().zip(&section.sums) {
                if let Some(error) = &sum.first_error {
                    writeln!(formatter, "  {program}: {} calls FAILED: {error}", sum.errors)?;
                }
            }
        }
        match self.failures() {
            0 => write!(formatter, "all bounds are met"),
            1 => write!(formatter, "1 bound is NOT met"),
            failures => write!(formatter, "{failures} bounds are NOT met"),
        }
    }
}

/// The machine, as far as a reader needs it to judge the figures.
fn machine() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let system = rustix::system::uname();
    let (name, release) = (system.sysname().to_string_lossy(), system.release().to_string_lossy());
    format!("{cpus} CPUs, {name} {release}, {}", std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::phases::PHASES;
    use super::*;

    fn measure(calls: u64, micros: u64, cpu_millis: u64) -> Measure {
        let mut measure = Measure::new();
        (0..calls).for_each(|_| measure.add_success(Duration::from_micros(micros)));
        measure.elapsed = Duration::from_secs(1);
        measure.cpu = Duration::from_millis(cpu_millis);
        measure
    }

    fn table() -> Table {
        Table::new(["Balsa 1".into(), "etcd 2".into()])
    }

    #[test]
    fn ratios_are_of_the_sums_of_all_turns() {
        let mut table = table();
        table.add(&PHASES[0], 0, &measure(200, 500, 20));
        table.add(&PHASES[0], 1, &measure(100, 1000, 20));
        assert_eq!(table.failures(), 0, "{table}");
        table.add(&PHASES[0], 0, &measure(0, 0, 0));
        let text = table.to_string();
        assert_eq!(table.failures(), 1, "100 calls a second are no more than etcd's: {text}");
        assert!(text.contains(">= 1.50 MISSED") && text.contains("<= 0.60 ok"), "{text}");
        assert!(text.ends_with("1 bound is NOT met"), "{text}");
    }

    #[test]
    fn calls_that_fail_fail_the_comparison() {
        let mut table = table();
        let mut failed = measure(200, 500, 20);
        failed.add_failure(|| "too many requests".into());
        table.add(&PHASES[0], 0, &failed);
        table.add(&PHASES[0], 1, &measure(100, 1000, 20));
        assert_eq!(table.failures(), 1);
        let text = table.to_string();
        assert!(text.contains("Balsa 1: 1 calls FAILED: too many requests"), "{text}");
    }

    #[test]
    fn nothing_measured_meets_no_bound() {
        let mut table = table();
        table.add(&PHASES[0], 0, &measure(10, 10, 1));
        assert_eq!(table.failures(), 2, "there is nothing to compare with: {table}");
    }
}
