//! `GET /talkover/api/v1/agents/{agent_id}/webhooks`: lists an agent's webhooks, oldest first, and the events that one

fn main() -> std::process::ExitCode {
    functions::run(functions::talkover::list_webhooks::FUNCTION)
}
