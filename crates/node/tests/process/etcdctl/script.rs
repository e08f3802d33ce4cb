//! Reads a list of invocations.
//!
//! ```text
//! # a comment
//! put key 'a value'         an invocation: words as in a shell, '…' for blanks
//! NAME=value get key        with a variable in its environment
//! < a line                  a line of its standard input
//! ```

/// One call of `etcdctl`.
#[derive(Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The line of the list that it stands on, from 1.
    pub line: usize,
    /// That line.
    pub text: String,
    /// Variables of its environment.
    pub env: Vec<(String, String)>,
    /// Its arguments.
    pub words: Vec<String>,
    /// Its standard input.
    pub stdin: String,
}

/// Reads a list. A line that makes no sense is a mistake in the list and panics.
pub fn read(list: &str) -> Vec<Invocation> {
    let mut invocations: Vec<Invocation> = Vec::new();
    for (number, line) in list.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(input) = line.strip_prefix('<') {
            let before = invocations.last_mut().expect("input follows an invocation");
            before.stdin.push_str(input.strip_prefix(' ').unwrap_or(input));
            before.stdin.push('\n');
            continue;
        }
        let mut words = split(line);
        let is_word = |word: &String| !word.split('=').next().is_some_and(is_variable);
        let rest = words.split_off(words.iter().position(is_word).unwrap_or(words.len()));
        let env = words.iter().filter_map(|word| word.split_once('='));
        invocations.push(Invocation {
            line: number + 1,
            text: line.to_owned(),
            env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            words: rest,
            stdin: String::new(),
        });
    }
    invocations
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
}

/// The words of a line; blanks within single quotes do not part them.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    for letter in line.chars() {
        match letter {
            '\'' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            ' ' if !is_quoted => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    assert!(!is_quoted, "a quote is not closed: {line}");
    words.extend(word);
    words
}

#[test]
fn a_list_is_read() {
    let list = "# text\n\nput a 'b c' ''\nA_B=1 C=2 get x=y\n< one\n<\n< two\ntxn\n";
    let found = read(list);
    assert_eq!(found.iter().map(|found| found.line).collect::<Vec<_>>(), [3, 4, 8]);
    assert_eq!(found[0].words, ["put", "a", "b c", ""]);
    assert_eq!(found[1].env, [("A_B".into(), "1".into()), ("C".into(), "2".into())]);
    assert_eq!(found[1].words, ["get", "x=y"]);
    assert_eq!((found[0].stdin.as_str(), found[1].stdin.as_str()), ("", "one\n\ntwo\n"));
}
