//! How long the tests of the promises are: `PROMISES=long` goes through everything, and prints what came of it.

use proptest::test_runner::{Config, FileFailurePersistence};

/// Whether the long form was asked for.
#[allow(clippy::disallowed_methods, reason = "it is the tests' own switch, and no setting of a function")]
pub(crate) fn is_long() -> bool {
    std::env::var_os("PROMISES").is_some_and(|value| value == "long")
}

/// So many random cases; what once failed is kept beside the tests, and tried again first in every run.
pub(crate) fn random(cases: u32, kept: &'static str) -> Config {
    Config { cases, failure_persistence: Some(Box::new(FileFailurePersistence::Direct(kept))), ..Config::default() }
}

/// Prints a row of the table of promises: what was tried, and what came of it.
#[allow(clippy::print_stdout, reason = "the table is what is asked for")]
pub(crate) fn row(promise: &str, tried: &str, lost: usize, duplicated: usize, server_errors: usize) {
    println!("| {promise} | {tried} | {lost} | {duplicated} | {server_errors} |");
}
