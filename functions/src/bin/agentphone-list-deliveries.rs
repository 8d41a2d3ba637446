//! `GET /agentphone/v1/webhooks/deliveries`: lists the deliveries to all of the project's primary webhooks, newest first.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentphone::list_deliveries::FUNCTION)
}
