//! Removes the project's default webhook.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentphone::delete_webhook::FUNCTION)
}
