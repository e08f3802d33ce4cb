//! What must hold for the repository as a whole: which crate may stand on which,
//! how the source is written, and that the documents speak of what is there.
//!
//! Each check is a function of plain data that returns what is wrong, so that
//! each is also shown something broken and must say so.

mod dependency_rules;
mod documents;
mod exceptions;
mod known_failures;
mod planted_bugs;
mod sources;
mod style;
