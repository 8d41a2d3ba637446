//! `GET /agentphone/v1/webhooks/deliveries/all-time`: counts all deliveries to the project's primary webhooks that the log holds.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentphone::get_all_time_stats::FUNCTION)
}
