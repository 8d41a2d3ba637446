//! Sets or replaces the agent's webhook.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentphone::set_agent_webhook::FUNCTION)
}
