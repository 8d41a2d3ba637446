//! `DELETE /agentline/v1/webhooks`: removes an agent's webhook.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentline::delete_webhook::FUNCTION)
}
