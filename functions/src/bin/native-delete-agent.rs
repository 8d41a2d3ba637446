//! `DELETE /v1/agents/{agent_id}`: removes an agent and its webhooks.

fn main() -> std::process::ExitCode {
    functions::run(functions::native::delete_agent::FUNCTION)
}
