//! Changes the fields that are given, and no others.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::talkover::update_webhook::FUNCTION)
}
