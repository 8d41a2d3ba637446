//! Lists the endpoints, oldest first.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::casey::list_webhooks::FUNCTION)
}
