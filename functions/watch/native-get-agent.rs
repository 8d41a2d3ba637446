//! Shows an agent.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::native::get_agent::FUNCTION)
}
