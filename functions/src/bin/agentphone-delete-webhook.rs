//! `DELETE /agentphone/v1/webhooks`: removes the project's default webhook.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentphone::delete_webhook::FUNCTION)
}
