//! Disables an enabled webhook, and enables a disabled one.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::talkover::toggle_webhook::FUNCTION)
}
