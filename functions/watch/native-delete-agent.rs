//! Removes an agent and its webhooks.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::native::delete_agent::FUNCTION)
}
