//! Removes an agent's webhook.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentline::delete_webhook::FUNCTION)
}
