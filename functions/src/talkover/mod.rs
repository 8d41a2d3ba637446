//! Talkover: an agent has many webhooks, each with its own events, method, headers and bodies.
//!
//! Each webhook sets its own number of retries. Deliveries are signed over the raw body if the webhook has a secret.

// <generated: handlers>
pub mod create_webhook;
pub mod delete_webhook;
pub mod get_webhook;
pub mod list_webhooks;
pub mod test_webhook;
pub mod toggle_webhook;
pub mod update_webhook;
// </generated>

mod events;
mod laravel;
mod payload;
mod read_request_options;
mod read_webhook;
mod render_error;
mod schema;

use usecases::dialect::Dialect;

use self::render_error::render_error;

/// The longest timeout of an attempt, in seconds.
const TIMEOUT_MAX_S: u16 = 120;

/// The header of the signature.
const SIGNATURE_HEADER: &str = "X-Webhook-Signature";

/// The dialect's row.
pub const DIALECT: Dialect = Dialect {
    name: "talkover",
    event_names: events::EVENTS,
    reserved_headers: &[SIGNATURE_HEADER],
    timeout_max_s: TIMEOUT_MAX_S,
    uses_conversation: false,
    limits: read_webhook::limits,
    signature: payload::signature,
    build_request: payload::build_request,
};
