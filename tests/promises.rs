//! The tests of the promises have a short and a long form. With `PROMISES=long` they try every case, and print the
//! outcomes.

use proptest::test_runner::{Config, FileFailurePersistence};

/// Whether the long form was asked for.
#[allow(clippy::disallowed_methods, reason = "it is the tests' own switch, and no setting of a function")]
pub(crate) fn is_long() -> bool {
    std::env::var_os("PROMISES").is_some_and(|value| value == "long")
}

/// A proptest configuration of `cases` random cases. Failed cases are stored in `seeds_file` beside the tests, and every
/// run tries them first.
pub(crate) fn random(cases: u32, seeds_file: &'static str) -> Config {
    Config {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(seeds_file))),
        ..Config::default()
    }
}

/// The counts of a test that publishes events while something fails.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Accepted events that a receiver did not get.
    pub(crate) lost: usize,
    /// Requests beyond those of the retry schedule, each with a `webhook-id` that came before.
    pub(crate) duplicated: usize,
    /// Answers of 500 and more to the platform, and requests without an answer.
    pub(crate) server_errors: usize,
}

/// Prints a test's row in the table of promises: what the test does, the cases that it tried, and the outcome if the
/// test counts it.
#[allow(clippy::print_stdout, reason = "the developer asked for the table")]
pub(crate) fn print_row(test: &str, tried: &str, outcome: Option<Outcome>) {
    let counts = outcome.map(|Outcome { lost, duplicated, server_errors }| [lost, duplicated, server_errors]);
    let [lost, duplicated, server_errors] =
        counts.map_or_else(|| ["–"; 3].map(str::to_owned), |counts| counts.map(|count| count.to_string()));
    println!("| {test} | {tried} | {lost} | {duplicated} | {server_errors} |");
}
