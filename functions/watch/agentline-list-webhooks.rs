//! Lists the agents' webhooks, with masked secrets.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::agentline::list_webhooks::FUNCTION)
}
