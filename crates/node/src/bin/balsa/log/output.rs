//! Where the log goes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::sync::Mutex;

/// An output that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("--log-outputs: cannot open {name}: {error}")]
pub struct OutputError {
    name: String,
    error: io::Error,
}

/// All outputs; each line goes to each.
pub struct Outputs(Vec<Output>);

enum Output {
    Stderr,
    Stdout,
    File(Mutex<File>),
}

impl Outputs {
    /// Opens outputs: `stderr`, `stdout`, or files by their paths. `default` is
    /// standard error.
    pub fn open(names: &[String]) -> Result<Outputs, OutputError> {
        let outputs: Result<Vec<Output>, OutputError> =
            names.iter().map(|name| Output::open(name)).collect();
        outputs.map(Outputs)
    }

    /// Writes a line. Where it cannot be written it is lost: a log must not stop
    /// what it tells of.
    pub fn write(&self, line: &str) {
        for output in &self.0 {
            let _ = output.write(line.as_bytes());
        }
    }
}

impl Output {
    fn open(name: &str) -> Result<Output, OutputError> {
        match name {
            "default" | "stderr" => Ok(Output::Stderr),
            "stdout" => Ok(Output::Stdout),
            path => OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map(|file| Output::File(Mutex::new(file)))
                .map_err(|error| OutputError { name: name.to_owned(), error }),
        }
    }

    fn write(&self, line: &[u8]) -> io::Result<()> {
        match self {
            Output::Stderr => io::stderr().lock().write_all(line),
            Output::Stdout => io::stdout().lock().write_all(line),
            Output::File(file) => {
                file.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).write_all(line)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_grow() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.log");
        let names = [path.display().to_string()];
        for line in ["one\n", "two\n"] {
            Outputs::open(&names).expect("it can be opened").write(line);
        }
        assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "one\ntwo\n");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_told() {
        let error = Outputs::open(&["/nowhere/a.log".to_owned()]).err().expect("no such folder");
        assert!(error.to_string().starts_with("--log-outputs: cannot open /nowhere/a.log"));
    }
}
