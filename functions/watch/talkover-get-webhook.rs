//! Shows a webhook.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::talkover::get_webhook::FUNCTION)
}
