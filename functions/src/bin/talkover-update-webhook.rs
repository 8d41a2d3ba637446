//! `PUT /talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}`: changes the fields that are given, and no others.

fn main() -> std::process::ExitCode {
    functions::run(functions::talkover::update_webhook::FUNCTION)
}
