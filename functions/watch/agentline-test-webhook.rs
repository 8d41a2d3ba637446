//! Sends `webhook.test` to an agent's webhook, the way that real events go.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentline::test_webhook::FUNCTION)
}
