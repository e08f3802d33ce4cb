//! Each example does what it shows.

use std::process::Command;

#[test]
fn a_node_is_embedded() {
    let lines = run(env!("CARGO_BIN_EXE_embed"));
    assert_eq!(lines, ["revision 2: colour = green", "the node has stopped"]);
}

#[test]
fn three_nodes_run_in_one_process() {
    let lines = run(env!("CARGO_BIN_EXE_three_nodes"));
    let reads = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    assert_eq!(reads("written on"), 2, "before and after a leader stops: {lines:?}");
    assert_eq!(reads("leads; it has stopped"), 1, "{lines:?}");
    assert_eq!(reads("has stopped"), 3, "{lines:?}");
}

#[test]
fn parts_of_ones_own_keep_what_they_were_told_from_life_to_life() {
    let lines = run(env!("CARGO_BIN_EXE_own_parts"));
    assert!(lines.contains(&"life 1 begins with 0 visits".to_owned()), "{lines:?}");
    assert!(lines.contains(&"life 2 begins with 3 visits".to_owned()), "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("life 2 has stopped"));
}

fn run(program: &str) -> Vec<String> {
    let output = Command::new(program).output().expect("it starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).expect("it is text").lines().map(str::to_owned).collect()
}
