//! Lists an agent's webhooks, oldest first, and the events that one can ask for.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::talkover::list_webhooks::FUNCTION)
}
