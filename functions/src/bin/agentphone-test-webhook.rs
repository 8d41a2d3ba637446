//! `POST /agentphone/v1/webhooks/test`: sends a test message to the project's default webhook now, and waits.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentphone::test_webhook::FUNCTION)
}
