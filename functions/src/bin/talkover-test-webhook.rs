//! `POST /talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}/test`: sends a test event to a webhook now, and waits.

fn main() -> std::process::ExitCode {
    functions::run(functions::talkover::test_webhook::FUNCTION)
}
