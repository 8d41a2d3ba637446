//! Sends `test.event` to every endpoint, through the queues like any event.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::casey::test_webhooks::FUNCTION)
}
