//! Removes a webhook.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::talkover::delete_webhook::FUNCTION)
}
