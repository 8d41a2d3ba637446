//! Counts the deliveries to all of the project's primary webhooks.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentphone::get_delivery_stats::FUNCTION)
}
