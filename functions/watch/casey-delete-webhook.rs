//! Removes an endpoint.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::casey::delete_webhook::FUNCTION)
}
