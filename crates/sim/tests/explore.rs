//! The exhaustive check, in a selection that is quick: the core passes its bounds
//! whole, and each known bug is found under the bounds named for it.

use sim::explore::scenarios;
use sim::explore::search::{End, Outcome, explore};

/// No scenario of this selection has more states.
const MOST: u64 = 600_000;

fn whole(name: &str) -> Outcome {
    let scenario = scenarios::named(name).unwrap_or_else(|| panic!("there is no scenario {name}"));
    let outcome = explore(&scenario, MOST);
    assert_eq!(outcome.end, End::Whole, "{name}: run `sim explore --scenario {name}`");
    outcome
}

#[test]
fn the_core_passes_whole_scenarios() {
    let small = [
        "replication",
        "old-answers",
        "replaced-writes",
        "repeated-appends",
        "membership",
        "fetches",
        "handover",
        "broken-snapshots",
    ];
    for name in small {
        let outcome = whole(name);
        assert!(outcome.states > 10_000, "{name} is too small to prove anything: {outcome:?}");
    }
}

#[test]
fn the_same_scenario_comes_to_the_same() {
    assert_eq!(whole("replaced-writes"), whole("replaced-writes"));
}

#[test]
fn what_is_too_large_is_given_up() {
    let scenario = scenarios::named("slow-follower").expect("it is there");
    let outcome = explore(&scenario, 1000);
    assert_eq!(outcome.end, End::TooMany);
    assert!(outcome.states < 2000, "{outcome:?}");
}

#[cfg(feature = "planted-bugs")]
mod planted {
    use raft_core::Bug;
    use sim::explore::bugs;

    use super::*;

    #[test]
    fn every_bug_is_found_by_the_property_named_for_it() {
        for quarry in bugs::ALL {
            let outcome = quarry.hunt(MOST);
            let name = quarry.bug.name();
            assert!(quarry.is_found(&outcome), "run `sim explore --bug {name}`: {:?}", outcome.end);
        }
    }

    #[test]
    fn the_way_to_a_bug_can_be_read() {
        let scenario = scenarios::named("slow-follower").expect("it is there");
        let outcome = bugs::explore_with(Bug::AppliesBeforeDurable, scenario, MOST);
        let End::Broken(example) = outcome.end else { panic!("it is not found") };
        let way = example.to_string();
        let lines = [
            "   1. n1 is given a command",
            "Message n1→n2 term 1 Append",
            "applied is durable: 2@1 command 2 is applied and not on the node's disk",
        ];
        lines.iter().for_each(|line| assert!(way.contains(line), "{line:?} is not in\n{way}"));
    }
}
