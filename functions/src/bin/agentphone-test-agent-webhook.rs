//! `POST /agentphone/v1/agents/{agent_id}/webhook/test`: sends a test message to the agent's webhook now, and waits.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentphone::test_agent_webhook::FUNCTION)
}
