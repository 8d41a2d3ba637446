//! Casey: a project has many webhook endpoints, each with its own event types.
//!
//! Deliveries are retried 10 times and signed under Svix's header names.

// <generated: handlers>
pub mod create_webhook;
pub mod delete_webhook;
pub mod get_secret;
pub mod get_webhook;
pub mod list_webhooks;
pub mod test_webhooks;
// </generated>

mod payload;
mod render_error;
mod schema;

use usecases::dialect::Dialect;

use self::render_error::render_error;

/// The dialect's row.
pub const DIALECT: Dialect = Dialect {
    name: "casey",
    event_names: &[],
    reserved_headers: &["svix-id", "svix-signature", "svix-timestamp"],
    timeout_max_s: schema::TIMEOUT_S,
    uses_conversation: false,
    limits: schema::limits,
    signature: payload::signature,
    build_request: payload::build_request,
};
