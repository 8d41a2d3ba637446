//! Sends `test.event` to every endpoint, the way that real events go.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::casey::test_webhooks::FUNCTION)
}
