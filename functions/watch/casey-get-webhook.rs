//! Shows an endpoint.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::casey::get_webhook::FUNCTION)
}
