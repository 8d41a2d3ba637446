//! `GET /agentphone/v1/agents/{agent_id}/webhook`: shows the agent's webhook.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentphone::get_agent_webhook::FUNCTION)
}
