//! Sends `webhook.test` to an agent's webhook, through the queues like any event.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentline::test_webhook::FUNCTION)
}
