//! `POST /agentline/v1/webhooks`: sets or replaces an agent's webhook.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentline::set_webhook::FUNCTION)
}
