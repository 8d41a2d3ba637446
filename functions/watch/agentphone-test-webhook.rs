//! Sends a test message to the project's default webhook now, and waits for the answer.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentphone::test_webhook::FUNCTION)
}
