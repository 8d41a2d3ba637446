//! Counts all logged deliveries to the project's primary webhooks.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentphone::get_all_time_stats::FUNCTION)
}
