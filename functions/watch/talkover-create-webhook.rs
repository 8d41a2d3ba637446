//! Adds a webhook to an agent.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::talkover::create_webhook::FUNCTION)
}
