//! `POST /agentline/v1/webhooks/test`: sends `webhook.test` to an agent's webhook, the way that real events go.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentline::test_webhook::FUNCTION)
}
