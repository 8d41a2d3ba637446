//! Sends a test message to the agent's webhook now, and waits for the answer.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentphone::test_agent_webhook::FUNCTION)
}
