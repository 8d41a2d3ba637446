//! `GET /agentphone/v1/agents/{agent_id}/webhook/deliveries`: the deliveries of the agent's webhook, newest first.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentphone::list_agent_deliveries::FUNCTION)
}
