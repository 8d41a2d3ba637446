//! AgentPhone: an agent has at most one webhook, which overrides the project's default.
//!
//! Its policy: deliveries are retried 5 times and signed with `X-Webhook-Signature` over timestamp and body.

pub mod delete_agent_webhook;
pub mod delete_webhook;
pub mod get_agent_webhook;
pub mod get_all_time_stats;
pub mod get_delivery_stats;
pub mod get_webhook;
pub mod list_agent_deliveries;
pub mod list_deliveries;
mod payload;
mod primary_webhook;
mod schema;
pub mod set_agent_webhook;
pub mod set_webhook;
mod statistics;
pub mod test_agent_webhook;
pub mod test_webhook;

use crate::dialect::Dialect;

/// The most seconds that an attempt may take.
pub const TIMEOUT_MAX_S: i64 = 120;

/// The dialect, as the pipeline uses it.
pub const DIALECT: Dialect = Dialect {
    name: "agentphone",
    event_names: &[
        ("call.completed", "agent.call_ended"),
        ("message.received", "agent.message"),
        ("message.reaction", "agent.reaction"),
    ],
    headers: &["x-webhook-event", "x-webhook-id", "x-webhook-signature", "x-webhook-timestamp"],
    uses_conversation: true,
    build_request: payload::build_request,
};
