//! `PUT /v1/agents/{agent_id}`: registers an agent, or gives it another name.

fn main() -> std::process::ExitCode {
    functions::run(functions::native::put_agent::FUNCTION)
}
