//! Sends a test event to a webhook now, and waits for the answer.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::talkover::test_webhook::FUNCTION)
}
