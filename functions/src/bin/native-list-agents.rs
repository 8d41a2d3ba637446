//! `GET /v1/agents`: lists the agents in the order of their ids.

fn main() -> std::process::ExitCode {
    functions::run(functions::native::list_agents::FUNCTION)
}
