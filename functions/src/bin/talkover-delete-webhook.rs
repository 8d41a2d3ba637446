//! `DELETE /talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}`: removes a webhook.

fn main() -> std::process::ExitCode {
    functions::run(functions::talkover::delete_webhook::FUNCTION)
}
