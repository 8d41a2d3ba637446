//! `POST /talkover/api/v1/agents/{agent_id}/webhooks`: adds a webhook to an agent.

fn main() -> std::process::ExitCode {
    functions::run(functions::talkover::create_webhook::FUNCTION)
}
