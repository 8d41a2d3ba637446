//! Registers an agent, or gives it another name.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::native::put_agent::FUNCTION)
}
