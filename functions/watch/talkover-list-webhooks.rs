//! Lists an agent's webhooks, oldest first, and the events that a webhook can ask for.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::talkover::list_webhooks::FUNCTION)
}
