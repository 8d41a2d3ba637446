//! `DELETE /agentphone/v1/agents/{agent_id}/webhook`: removes the agent's webhook; the project's default stands in.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentphone::delete_agent_webhook::FUNCTION)
}
