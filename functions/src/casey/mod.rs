//! Casey: a project has many webhook endpoints, each with its own event types.
//!
//! Its policy: additional webhooks of the project; deliveries are retried 10 times and signed under Svix's header names.

pub mod create_webhook;
pub mod delete_webhook;
pub mod get_secret;
pub mod get_webhook;
pub mod list_webhooks;
mod payload;
mod problem;
mod schema;
pub mod test_webhooks;

use self::problem::Problem;
use crate::dialect::Dialect;

/// The dialect, as the pipeline uses it.
pub const DIALECT: Dialect = Dialect {
    name: "casey",
    event_names: &[],
    headers: &["svix-id", "svix-signature", "svix-timestamp"],
    uses_conversation: false,
    build_request: payload::build_request,
};
