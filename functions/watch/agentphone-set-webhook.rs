//! Sets or replaces the project's default webhook.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentphone::set_webhook::FUNCTION)
}
