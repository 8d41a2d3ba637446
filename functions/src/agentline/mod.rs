//! AgentLine: an agent has exactly one webhook, which receives all of its events.
//!
//! Its policy: an agent's primary webhook is the same in AgentLine and AgentPhone. Deliveries are retried 10 times.
//! They are signed over the raw body, in a header that the customer may choose.

// <generated: handlers>
pub mod delete_webhook;
pub mod list_webhooks;
pub mod set_webhook;
pub mod test_webhook;
// </generated>

mod payload;
mod schema;

use domain::event_types;
use usecases::dialect::{Dialect, EventName};

use crate::fastapi::render_error;

/// The header of the signature, if the customer chose none.
const SIGNATURE_HEADER: &str = "X-AgentLine-Signature";

/// The header of the event's type.
const EVENT_HEADER: &str = "x-agentline-event";

/// The dialect's row.
pub const DIALECT: Dialect = Dialect {
    name: "agentline",
    event_names: &[EventName {
        own: "sms.received",
        native: Some(event_types::MESSAGE_RECEIVED),
        description: "The agent got a text message.",
    }],
    reserved_headers: &[EVENT_HEADER, SIGNATURE_HEADER],
    timeout_max_s: schema::TIMEOUT_S,
    uses_conversation: false,
    limits: schema::limits,
    signature: payload::signature,
    build_request: payload::build_request,
};
