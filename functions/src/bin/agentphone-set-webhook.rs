//! `POST /agentphone/v1/webhooks`: sets or replaces the project's default webhook.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentphone::set_webhook::FUNCTION)
}
