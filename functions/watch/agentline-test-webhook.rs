//! Sends `webhook.test` to an agent's webhook, through the queues as any event.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentline::test_webhook::FUNCTION)
}
