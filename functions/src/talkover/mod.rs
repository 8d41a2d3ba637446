//! Talkover: an agent has many webhooks, each with its own events, method, headers and bodies.
//!
//! Its policy: additional webhooks of the agent; a webhook says how often its deliveries are retried; they are signed over the
//! raw body where it has a secret.

pub mod create_webhook;
pub mod delete_webhook;
mod events;
mod fields;
pub mod get_webhook;
pub mod list_webhooks;
mod payload;
mod problem;
mod request;
mod schema;
mod settings;
pub mod test_webhook;
pub mod toggle_webhook;
pub mod update_webhook;

use self::problem::Problem;
use crate::dialect::Dialect;

/// The most seconds that an attempt may take.
pub const TIMEOUT_MAX_S: i64 = 120;

/// The dialect, as the pipeline uses it.
pub const DIALECT: Dialect = Dialect {
    name: "talkover",
    event_names: &[
        ("call.received", "event_phone_call_started"),
        ("call.completed", "event_phone_call_ended"),
        ("call.failed", "event_phone_call_did_not_connect"),
        ("conversation.started", "event_conversation_started"),
        ("conversation.completed", "event_conversation_ended"),
    ],
    headers: &["x-webhook-signature"],
    uses_conversation: false,
    build_request: payload::build_request,
};
