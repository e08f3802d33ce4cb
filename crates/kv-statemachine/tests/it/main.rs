//! The store from outside: against a naive model, over replicas that differ in
//! everything but the log, in scripts, by its errors, and by what it costs.

mod against_model;
mod cost;
mod determinism;
mod errors;
mod readers;
mod scripts;
mod support;
