//! Lists the agents' webhooks, their secrets masked.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentline::list_webhooks::FUNCTION)
}
