//! What is wrong with how the program was called.

/// Why the program does not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// The command line cannot be read at all.
    #[error("{0}; see balsa --help")]
    Usage(String),
    /// The flags can be read, but not followed.
    #[error("{0}")]
    Invalid(String),
}

impl FlagError {
    /// A value that cannot be followed.
    pub fn invalid(name: &str, value: &str, why: impl std::fmt::Display) -> FlagError {
        FlagError::Invalid(format!("--{name} {value:?}: {why}"))
    }
}
