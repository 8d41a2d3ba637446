//! Shows the project's default webhook.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentphone::get_webhook::FUNCTION)
}
