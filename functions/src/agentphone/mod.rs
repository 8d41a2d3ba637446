//! AgentPhone: an agent has at most one webhook, which overrides the project's default.
//!
//! Its policy: deliveries are retried 5 times and signed with `X-Webhook-Signature` over timestamp and body.

// <generated: handlers>
pub mod delete_agent_webhook;
pub mod delete_webhook;
pub mod get_agent_webhook;
pub mod get_all_time_stats;
pub mod get_delivery_stats;
pub mod get_webhook;
pub mod list_agent_deliveries;
pub mod list_deliveries;
pub mod set_agent_webhook;
pub mod set_webhook;
pub mod test_agent_webhook;
pub mod test_webhook;
// </generated>

mod payload;
mod primary_webhook;
mod schema;
mod statistics;

use domain::event_types;
use usecases::dialect::{Dialect, EventName};

use crate::fastapi::render_error;

/// The longest timeout of an attempt, in seconds.
const TIMEOUT_MAX_S: u16 = 120;

/// AgentPhone's name for a message.
const MESSAGE_EVENT: EventName = EventName {
    own: "agent.message",
    native: Some(event_types::MESSAGE_RECEIVED),
    description: "The agent got or sent a message.",
};

/// The dialect's row.
pub const DIALECT: Dialect = Dialect {
    name: "agentphone",
    event_names: &[
        EventName {
            own: "agent.call_ended",
            native: Some(event_types::CALL_COMPLETED),
            description: "A phone call has ended.",
        },
        MESSAGE_EVENT,
        EventName {
            own: "agent.reaction",
            native: Some(event_types::MESSAGE_REACTION),
            description: "Somebody reacted to a message.",
        },
    ],
    reserved_headers: &[EVENT_HEADER, ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER],
    timeout_max_s: TIMEOUT_MAX_S,
    uses_conversation: true,
    limits: schema::limits,
    signature: payload::signature,
    build_request: payload::build_request,
};

const EVENT_HEADER: &str = "x-webhook-event";
const ID_HEADER: &str = "x-webhook-id";
const SIGNATURE_HEADER: &str = "x-webhook-signature";
const TIMESTAMP_HEADER: &str = "x-webhook-timestamp";
