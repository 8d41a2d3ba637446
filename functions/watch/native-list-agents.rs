//! Lists the agents in the order of their ids.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::native::list_agents::FUNCTION)
}
