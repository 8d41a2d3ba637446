//! Adds an endpoint.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::casey::create_webhook::FUNCTION)
}
