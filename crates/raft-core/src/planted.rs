//! Bugs that are planted on purpose, to show that the tests of whole clusters find
//! them. Not compiled into anything that is delivered: without the feature
//! `planted-bugs` there is no [`Bug`], and a switch in the code is the constant
//! `false`.

/// Whether a bug is planted in the node of this configuration.
#[cfg(feature = "planted-bugs")]
macro_rules! planted {
    ($config:expr, $bug:ident) => {
        $config.planted == Some($crate::Bug::$bug)
    };
}

/// Whether a bug is planted: never.
#[cfg(not(feature = "planted-bugs"))]
macro_rules! planted {
    ($config:expr, $bug:ident) => {
        false
    };
}

pub(crate) use planted;

/// A failure that a real system had, or would have had by the letter of its design.
#[cfg(feature = "planted-bugs")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// Entries of earlier terms are committed by counting (Raft paper, figure 8;
    /// CCF#4472, CCF#4485).
    CommitsOlderTerms,
}

#[cfg(feature = "planted-bugs")]
impl Bug {
    /// All of them, in the order of the table of known failures.
    pub const ALL: &[Bug] = &[Bug::CommitsOlderTerms];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Bug::CommitsOlderTerms => "commits-older-terms",
        }
    }

    /// Its row in the table of known failures.
    pub fn row(self) -> u8 {
        match self {
            Bug::CommitsOlderTerms => 30,
        }
    }
}
