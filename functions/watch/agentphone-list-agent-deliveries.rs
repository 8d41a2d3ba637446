//! Lists the deliveries to the agent's webhook, newest first.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentphone::list_agent_deliveries::FUNCTION)
}
