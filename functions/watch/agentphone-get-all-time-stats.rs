//! Counts all deliveries to the project's primary webhooks that the log holds.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentphone::get_all_time_stats::FUNCTION)
}
