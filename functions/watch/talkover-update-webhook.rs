//! Changes the given fields of a webhook.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::talkover::update_webhook::FUNCTION)
}
