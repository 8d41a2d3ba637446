//! `POST /agentphone/v1/agents/{agent_id}/webhook`: sets or replaces the agent's webhook.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentphone::set_agent_webhook::FUNCTION)
}
