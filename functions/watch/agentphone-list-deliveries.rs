//! Lists the deliveries to all of the project's primary webhooks, newest first.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentphone::list_deliveries::FUNCTION)
}
