//! Shows the agent's webhook.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentphone::get_agent_webhook::FUNCTION)
}
