//! `GET /agentphone/v1/webhooks/deliveries/stats`: counts the deliveries to all of the project's primary webhooks.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentphone::get_delivery_stats::FUNCTION)
}
