//! One seed is one history: two processes print the same, to the last byte, and
//! however many threads there are.

use std::process::{Command, Output};

fn sim(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sim")).args(args).output().expect("the simulator starts")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_seed_replayed_in_two_processes_is_the_same_history() {
    for args in [&["replay", "7"][..], &["replay", "7", "--least-limits"]] {
        let first = sim(args);
        let second = sim(args);
        assert!(first.status.success(), "{}", text(&first));
        assert!(first.stdout.len() > 10_000, "a replay tells what happens");
        assert!(first.stdout == second.stdout, "two runs of {args:?} differ");
    }
}

#[test]
fn the_number_of_threads_cannot_be_told_from_the_output() {
    let run = |jobs| text(&sim(&["run", "--first-seed", "11", "--seeds", "6", "--jobs", jobs]));
    assert_eq!(run("1"), run("3"));
}

#[test]
fn a_run_and_a_replay_have_the_same_trace() {
    let run = text(&sim(&["run", "--first-seed", "5", "--seeds", "1"]));
    let replay = text(&sim(&["replay", "5"]));
    let of_replay = replay.lines().last().and_then(|line| line.strip_prefix("trace "));
    let hash = of_replay.and_then(|hash| u64::from_str_radix(hash, 16).ok());
    let hash = sim::trace::TraceHash(hash.expect("a replay ends with its trace"));
    let expected = format!("trace {}", sim::trace::TraceHash::default().then(hash));
    assert!(run.trim_end().ends_with(&expected), "{run} does not end with {expected}");
}
