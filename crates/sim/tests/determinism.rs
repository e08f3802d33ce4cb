//! One seed is one history: two processes print the same, to the last byte, whatever
//! surrounds them, and however many threads there are.

use std::process::{Command, Output};

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    command.args(args);
    command
}

fn sim(args: &[&str]) -> Output {
    command(args).output().expect("the simulator starts")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_seed_replayed_elsewhere_is_the_same_history() {
    for args in [
        &["replay", "7", "--short"][..],
        &["replay", "7", "--short", "--least-limits"],
        &["replay", "8", "--minutes", "0.5", "--nodes", "5", "--json"],
    ] {
        let first = sim(args);
        let elsewhere = command(args)
            .env_clear()
            .env("TZ", "Pacific/Chatham")
            .env("LC_ALL", "tr_TR.UTF-8")
            .env("RUST_BACKTRACE", "1")
            .env("COLUMNS", "20")
            .current_dir(std::env::temp_dir())
            .output()
            .expect("the simulator starts");
        assert!(first.status.success(), "{}", text(&first));
        assert!(first.stdout.len() > 10_000, "a replay tells what happens");
        assert!(first.stdout == elsewhere.stdout, "two runs of {args:?} differ");
    }
}

#[test]
fn the_number_of_threads_cannot_be_told_from_the_output() {
    let args = ["run", "--short", "--first-seed", "11", "--seeds", "6", "--jobs"];
    let run = |jobs| text(&sim(&[&args[..], &[jobs]].concat()));
    assert_eq!(run("1"), run("3"));
}

#[test]
fn a_run_and_a_replay_have_the_same_trace() {
    let run = text(&sim(&["run", "--short", "--first-seed", "5", "--seeds", "1"]));
    let replay = text(&sim(&["replay", "--short", "5"]));
    let of_replay = replay.lines().last().and_then(|line| line.strip_prefix("trace "));
    let hash = of_replay.and_then(|hash| u64::from_str_radix(hash, 16).ok());
    let hash = sim::trace::TraceHash(hash.expect("a replay ends with its trace"));
    let expected = format!("trace {}", sim::trace::TraceHash::default().then(hash));
    assert!(run.trim_end().ends_with(&expected), "{run} does not end with {expected}");
}

#[test]
fn a_replay_can_be_cut_to_one_node_and_a_time() {
    let all = text(&sim(&["replay", "7", "--short"]));
    let some = text(&sim(&["replay", "7", "--short", "--node", "2", "--until", "3.5"]));
    let is_step_of_n2 = |line: &&str| line.split_whitespace().nth(1) == Some("n2");
    let seconds = |line: &str| -> f64 {
        let time = line.trim_start().split("ms").next().unwrap_or_default();
        time.parse::<f64>().expect("a step begins with its time") / 1000.0
    };
    let wanted: Vec<&str> =
        all.lines().filter(is_step_of_n2).filter(|line| seconds(line) <= 3.5).collect();
    let found: Vec<&str> = some.lines().filter(is_step_of_n2).collect();
    assert!(!found.is_empty() && found.len() + 2 == some.lines().count(), "{some}");
    assert_eq!(found, wanted);
}
