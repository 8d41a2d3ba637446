//! The tests of the promises have a short and a long form. With `PROMISES=long` they try every case, and print the
//! outcomes.

use proptest::test_runner::{Config, FileFailurePersistence};

/// Whether the long form was asked for.
#[allow(clippy::disallowed_methods, reason = "it is the tests' own switch, and no setting of a function")]
pub(crate) fn is_long() -> bool {
    std::env::var_os("PROMISES").is_some_and(|value| value == "long")
}

/// A proptest configuration of `cases` random cases. Failed cases are stored in the file `kept` beside the tests, and
/// every run tries them first.
pub(crate) fn random(cases: u32, kept: &'static str) -> Config {
    Config { cases, failure_persistence: Some(Box::new(FileFailurePersistence::Direct(kept))), ..Config::default() }
}

/// Prints a row of the table of promises: the cases that were tried, and their outcome.
#[allow(clippy::print_stdout, reason = "the table is what is asked for")]
pub(crate) fn row(promise: &str, tried: &str, lost: usize, duplicated: usize, server_errors: usize) {
    println!("| {promise} | {tried} | {lost} | {duplicated} | {server_errors} |");
}
