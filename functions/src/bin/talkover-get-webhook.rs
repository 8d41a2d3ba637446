//! `GET /talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}`: shows a webhook.

fn main() -> std::process::ExitCode {
    functions::run(functions::talkover::get_webhook::FUNCTION)
}
