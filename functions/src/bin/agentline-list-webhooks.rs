//! `GET /agentline/v1/webhooks`: lists the agents' webhooks, their secrets masked.

fn main() -> std::process::ExitCode {
    functions::run(functions::agentline::list_webhooks::FUNCTION)
}
