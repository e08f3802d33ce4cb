//! What is delivered holds no bug that can be planted. That a program with such bugs does
//! hold their names is shown by `crates/sim/tests/mutations.rs`.

use super::known_failures;

#[test]
fn the_delivered_program_knows_no_bug_by_name() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_balsa")).expect("the program can be read");
    let names: Vec<String> = known_failures::planted().into_values().flatten().collect();
    assert!(names.len() > 30, "only {} bugs can be planted", names.len());
    let planted: Vec<&String> = names.iter().filter(|name| holds(&program, name)).collect();
    assert!(planted.is_empty(), "balsa holds {planted:?}");
    assert!(holds(&program, "data-dir"), "its own flags are found where there are any");
}

fn holds(program: &[u8], name: &str) -> bool {
    let name = name.as_bytes();
    let mut starts = program.iter().enumerate().filter(|(_, byte)| **byte == name[0]);
    starts.any(|(start, _)| program[start..].starts_with(name))
}
