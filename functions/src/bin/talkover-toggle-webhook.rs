//! `PATCH /talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}/toggle`: disables an enabled webhook, and enables a

fn main() -> std::process::ExitCode {
    functions::run(functions::talkover::toggle_webhook::FUNCTION)
}
