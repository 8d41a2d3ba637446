//! How long the tests of the promises are: `PROMISES=long` goes through everything, and prints what came of it.

/// Whether the long form was asked for.
#[allow(clippy::disallowed_methods, reason = "it is the tests' own switch, and no setting of a function")]
pub(crate) fn is_long() -> bool {
    std::env::var_os("PROMISES").is_some_and(|value| value == "long")
}
