//! `GET /agentphone/v1/webhooks`: shows the project's default webhook.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentphone::get_webhook::FUNCTION)
}
