//! Removes the agent's webhook; the project's default stands in.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentphone::delete_agent_webhook::FUNCTION)
}
