//! Sets or replaces an agent's webhook.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentline::set_webhook::FUNCTION)
}
