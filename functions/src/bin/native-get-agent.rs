//! `GET /v1/agents/{agent_id}`: shows an agent.

fn main() -> std::process::ExitCode {
    functions::run(functions::native::get_agent::FUNCTION)
}
